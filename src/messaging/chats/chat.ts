/** A chat as a device keeps it: with a person, in a group, in public, in a channel of a community. */
import type { Milliseconds } from '../../core/time.ts'
import { ChatKind } from '../application/chat.ts'
import { maxEvents } from '../application/group.ts'
import { bool, bytes, field, message, repeated, text, uint32, uint64 } from '../schema.ts'
import { readStored, unreadable } from '../stored.ts'

export type ChatKindName = 'person' | 'public' | 'group' | 'channel'

/** The kinds of chats, by the numbers that messages have for them. */
export const kindNumbers = {
  person: ChatKind.oneToOne,
  public: ChatKind.publicChat,
  group: ChatKind.privateGroup,
  channel: ChatKind.community,
} as const satisfies Record<ChatKindName, number>

const kindNames = new Map<number, ChatKindName>(
  Object.entries(kindNumbers).map(([name, number]) => [number, name as ChatKindName]),
)

export interface Chat {
  /** A user id; the name of a public chat; the id of a group, or of a community's channel. */
  readonly id: string
  readonly kind: ChatKindName
  readonly name: string
  /** Its Lamport clock. */
  readonly clock: bigint
  readonly unread: number
  /** When something was last written in it. */
  readonly lastAt: Milliseconds
  /** We are in it. One that was left stays, with its history. */
  readonly isOpen: boolean
  /** Of a group, the events of its log. */
  readonly events: readonly Uint8Array[]
}

export function newChat(id: string, kind: ChatKindName, name: string): Chat {
  return { id, kind, name, clock: 0n, unread: 0, lastAt: 0, isOpen: true, events: [] }
}

const version = 1

const chatTable = message('a chat', {
  version: field(1, uint32),
  id: field(2, text(1024)),
  kind: field(3, uint32),
  name: field(4, text(1024)),
  clock: field(5, uint64),
  unread: field(6, uint32),
  lastAt: field(7, uint64),
  isOpen: field(8, bool),
  events: repeated(9, bytes(), maxEvents),
})

export function encodeChat(chat: Chat): Uint8Array {
  const { kind, lastAt, events } = chat
  return chatTable.encode({
    ...chat,
    version,
    kind: kindNumbers[kind],
    lastAt: BigInt(Math.round(lastAt)),
    events: [...events],
  })
}

/** Reads what `encodeChat` wrote. Throws `session/unreadable`. */
export function decodeChat(stored: Uint8Array): Chat {
  const { version: _, lastAt, ...rest } = readStored(chatTable, version, stored)
  const kind = kindNames.get(rest.kind)
  if (kind === undefined) throw unreadable('a chat is of no kind that this release knows')
  return { ...rest, kind, lastAt: Number(lastAt) }
}
