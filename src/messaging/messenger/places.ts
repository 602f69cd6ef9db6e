/** Channels with what comes on them, as a device listens on them. */
import type { PublicKey } from '../keys.ts'
import { contactCodeChannel, publicChatChannel } from '../topics.ts'
import type { Listening } from '../transport/channels.ts'

export function contactCodeOf(key: PublicKey): Listening {
  return { channel: contactCodeChannel(key), place: { kind: 'contact code', of: key } }
}

export function publicChat(name: string): Listening {
  return { channel: publicChatChannel(name), place: { kind: 'public chat', name } }
}
