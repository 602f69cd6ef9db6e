/** A message as an application sees it. */
import type { Milliseconds } from '../../core/time.ts'
import { AudioFormat, ContentType, Emotion, ImageFormat } from '../application/chat.ts'
import type { Shown } from '../conversation/claims.ts'
import type { HistoryRecord, Status } from './record.ts'

export type EmotionName = keyof typeof Emotion
export type ImageFormatName = keyof typeof ImageFormat
export type AudioFormatName = keyof typeof AudioFormat

export interface Message {
  /** `0x` and 64 digits; the same on every device. */
  readonly id: string
  /** The chat that it is in. */
  readonly chat: string
  /** The user id of the author. */
  readonly from: string
  /** What the author called himself. */
  readonly name: string
  /** Empty where it was deleted. */
  readonly text: string
  readonly kind: 'text' | 'image' | 'audio' | 'emoji' | 'sticker' | 'contact request' | 'other'
  readonly image?: { readonly bytes: Uint8Array; readonly format: ImageFormatName | 'unknown' }
  readonly audio?: {
    readonly bytes: Uint8Array
    readonly format: AudioFormatName | 'unknown'
    readonly milliseconds: number
  }
  /** The id of the message that it answers. */
  readonly replyTo?: string
  /** By which the messages of a chat are ordered: milliseconds, on the sender's word. */
  readonly clock: bigint
  /** When it was written, on the sender's word. */
  readonly writtenAt: Milliseconds
  readonly receivedAt: Milliseconds
  readonly status: Status
  readonly isEdited: boolean
  /** Who deleted it. */
  readonly deletedBy?: string
  readonly isPinned: boolean
  /** Who feels what about it. */
  readonly reactions: Readonly<Partial<Record<EmotionName, readonly string[]>>>
}

const kinds: Readonly<Record<number, Message['kind']>> = {
  [ContentType.text]: 'text',
  [ContentType.status]: 'text',
  [ContentType.emoji]: 'emoji',
  [ContentType.sticker]: 'sticker',
  [ContentType.image]: 'image',
  [ContentType.audio]: 'audio',
  [ContentType.contactRequest]: 'contact request',
}

function named<Name extends string>(numbers: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  return new Map(Object.entries<number>(numbers).map(([name, number]) => [number, name as Name]))
}

const emotions = named(Emotion)
const imageFormats = named(ImageFormat)
const audioFormats = named(AudioFormat)

/** A message of history with what was said about it. */
export function messageOf(record: HistoryRecord, now: Shown): Message {
  const { message, chatId, ...rest } = record
  const { clock, timestamp, displayName, responseTo } = message
  const isDeleted = now.deletedBy !== undefined
  return {
    ...rest,
    chat: chatId,
    name: displayName,
    kind: kinds[now.contentType] ?? 'other',
    ...(isDeleted ? { text: '', deletedBy: now.deletedBy } : { text: now.text, ...mediaOf(message) }),
    ...(responseTo !== '' && { replyTo: responseTo }),
    clock,
    writtenAt: Number(timestamp),
    isEdited: now.editedAt !== undefined,
    isPinned: now.pinned,
    reactions: Object.fromEntries(
      [...now.reactions].flatMap(([emotion, people]) => {
        const name = emotions.get(emotion)
        return name === undefined ? [] : [[name, people]]
      }),
    ),
  }
}

function mediaOf({ content }: HistoryRecord['message']): Pick<Message, 'image' | 'audio'> {
  if (content?.case === 'image') {
    const { payload, format } = content.value
    return { image: { bytes: payload, format: imageFormats.get(format) ?? 'unknown' } }
  }
  if (content?.case !== 'audio') return {}
  const { payload, format, durationMilliseconds } = content.value
  const milliseconds = Number(durationMilliseconds)
  return { audio: { bytes: payload, format: audioFormats.get(format) ?? 'unknown', milliseconds } }
}
