/** Messages, chats and people as commands write them: JSON of fixed fields, or lines for a person. Pure. */
import type { Chat } from '../../messaging/chats/chat.ts'
import type { Message } from '../../messaging/chats/message.ts'
import type { CommunityInfo, Contact, DeviceInfo } from '../../messaging/messenger/messenger.ts'
import { printable, printableLines } from '../printable.ts'
import { shortId } from './ids.ts'

/** A message in JSON. Times are milliseconds since 1970, on the sender's word where he wrote them; `clock` is a text of digits. */
export interface ShownMessage {
  readonly id: string
  readonly chat: string
  readonly from: string
  readonly name: string
  readonly kind: Message['kind']
  readonly text: string
  readonly clock: string
  readonly writtenAt: number
  readonly receivedAt: number
  readonly status: Message['status']
  readonly isEdited: boolean
  readonly isPinned: boolean
  readonly reactions: Message['reactions']
  readonly replyTo?: string
  readonly deletedBy?: string
  readonly image?: ShownMedia
  readonly audio?: ShownMedia & { readonly milliseconds: number }
}

interface ShownMedia {
  readonly format: string
  readonly bytes: number
  /** Where it was saved. */
  readonly file?: string
}

/** `file`: where its picture or sound was saved. */
export function shownMessage(message: Message, file?: string): ShownMessage {
  const { clock, image, audio, ...rest } = message
  return {
    ...rest,
    clock: String(clock),
    ...(image && { image: shownMedia(image, file) }),
    ...(audio && { audio: { ...shownMedia(audio, file), milliseconds: audio.milliseconds } }),
  }
}

function shownMedia(
  { bytes, format }: { readonly bytes: Uint8Array; readonly format: string },
  file: string | undefined,
): ShownMedia {
  return { format, bytes: bytes.length, ...(file !== undefined && { file }) }
}

/** Where further lines of a text stand, so that none is taken for a message. */
const indent = '    '

/** `2026-11-27 16:30  alice (0x04ab12cd34..)  hello` */
export function messageText(message: ShownMessage): string {
  const who = `${whoOf(message)}`
  const [first = '', ...others] = printableLines(contentText(message))
  const lines = [`${timeText(message.writtenAt)}  ${who}  ${first}`, ...others.map((line) => indent + line)]
  return lines.join('\n').trimEnd()
}

export function whoOf({ name, from }: Pick<ShownMessage, 'name' | 'from'>): string {
  return name === '' ? shortId(from) : `${printable(name)} (${shortId(from)})`
}

/** What was said, and what became of it, in words. */
export function contentText(message: ShownMessage): string {
  const { text, kind, deletedBy, isEdited, status, image, audio } = message
  if (deletedBy !== undefined) return '(deleted)'
  const parts = [
    kind === 'contact request' ? '(asks to become a contact)' : '',
    text,
    image ? mediaText('image', image) : '',
    audio ? mediaText('sound', audio) : '',
    isEdited ? '(edited)' : '',
    status === 'failed' ? '(not delivered)' : '',
    reactionsText(message),
  ]
  return parts.filter((part) => part !== '').join(' ')
}

function mediaText(what: string, { format, bytes, file }: ShownMedia): string {
  return `[${what}, ${format}, ${bytes} bytes${file === undefined ? '' : `: ${file}`}]`
}

function reactionsText({ reactions }: ShownMessage): string {
  const some = Object.entries(reactions).filter(([, people]) => people.length > 0)
  return some.length === 0 ? '' : `{${some.map(([emotion, people]) => `${emotion} ${people.length}`).join(', ')}}`
}

/** Minutes, in the time of this machine; the sender may have written anything. */
export function timeText(milliseconds: number): string {
  const date = new Date(milliseconds)
  if (Number.isNaN(date.getTime())) return 'without a time'
  const two = (part: number): string => String(part).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

export interface ShownChat {
  readonly id: string
  readonly kind: Chat['kind']
  readonly name: string
  readonly unread: number
  /** Milliseconds since 1970; 0: nothing was ever said. */
  readonly lastAt: number
  /** False: left, or not a contact. */
  readonly isOpen: boolean
}

export function shownChat({ id, kind, name, unread, lastAt, isOpen }: Chat): ShownChat {
  return { id, kind, name, unread, lastAt, isOpen }
}

/** In columns: kind, name, id, what is new. */
export function chatRow({ id, kind, name, unread, isOpen }: ShownChat): string[] {
  return [kind, printable(name) || '-', printable(id), unread === 0 ? '' : `${unread} new`, isOpen ? '' : 'closed']
}

export function contactRow({ id, name, state, isBlocked }: Contact): string[] {
  return [isBlocked ? 'blocked' : state, printable(name) || '-', id]
}

const standing = ({ isOurs, isMember }: CommunityInfo): string => (isOurs ? 'ours' : isMember ? 'member' : 'followed')

/** In columns: the community, its channels, who asks to be let in. */
export function communityRows(community: CommunityInfo): string[][] {
  const { id, name, channels, requests } = community
  return [
    [standing(community), printable(name) || '-', id],
    ...channels.map((channel) => ['  channel', printable(channel.name) || '-', printable(channel.id)]),
    ...requests.map((request) => ['  asks', printable(request.name) || '-', request.id]),
  ]
}

export type ShownDevice = Omit<DeviceInfo, 'clock'>

export function shownDevice({ installation, name, isEnabled, isThis }: DeviceInfo): ShownDevice {
  return { installation, name, isEnabled, isThis }
}

export function deviceRow({ installation, name, isEnabled, isThis }: ShownDevice): string[] {
  const standing = isThis ? 'this device' : isEnabled ? 'enabled' : 'not enabled'
  return [standing, printable(name) || '-', printable(installation)]
}
