/** Messages of a chat: text, pictures, sound, and what happens to them afterwards (status-go's `chat_message.proto`). */
import {
  bool,
  bytes,
  field,
  int32,
  message,
  oneof,
  optional,
  repeated,
  text,
  uint32,
  uint64,
  type ValueOf,
} from '../schema.ts'
import { nameText } from './names.ts'

/** What kind of chat a message is in. 4 and 6 never leave a device. */
export const ChatKind = { oneToOne: 1, publicChat: 2, privateGroup: 3, community: 5 } as const

/** What a message says. 5, 6, 10 and 14 to 17 never leave a device. */
export const ContentType = {
  text: 1,
  sticker: 2,
  status: 3,
  emoji: 4,
  image: 7,
  audio: 8,
  community: 9,
  contactRequest: 11,
  discord: 12,
  identityVerification: 13,
  bridge: 18,
} as const

export const ImageFormat = { png: 1, jpeg: 2, webp: 3, gif: 4 } as const
export const AudioFormat = { aac: 1, amr: 2 } as const
export const Emotion = { love: 1, thumbsUp: 2, thumbsDown: 3, laugh: 4, sad: 5, angry: 6 } as const

const stickerMessage = message('StickerMessage', { hash: field(1, nameText), pack: field(2, int32) })

const imageMessage = message('ImageMessage', {
  payload: field(1, bytes()),
  /** An ImageFormat. */
  format: field(2, int32),
  albumId: field(3, nameText),
  width: field(4, uint32),
  height: field(5, uint32),
  albumImagesCount: field(6, uint32),
})

const audioMessage = message('AudioMessage', {
  payload: field(1, bytes()),
  /** An AudioFormat. */
  format: field(2, int32),
  durationMilliseconds: field(3, uint64),
})

const bridgeMessage = message('BridgeMessage', {
  bridgeName: field(1, nameText),
  userName: field(2, nameText),
  userAvatar: field(3, text()),
  userId: field(4, nameText),
  content: field(5, text()),
  messageId: field(6, nameText),
  parentMessageId: field(7, nameText),
})

export const contactRequestState = message('ContactRequestPropagatedState', {
  localClock: field(1, uint64),
  localState: field(2, uint64),
  remoteClock: field(3, uint64),
  remoteState: field(4, uint64),
})

const unfurledLink = message('UnfurledLink', {
  url: field(1, text()),
  title: field(2, text()),
  description: field(3, text()),
  thumbnail: field(4, bytes()),
  thumbnailWidth: field(5, uint32),
  thumbnailHeight: field(6, uint32),
  /** 0 a page, 1 a picture. */
  kind: field(7, int32),
  favicon: field(8, bytes()),
})

export const shardMessage = message('Shard', { cluster: field(1, int32), index: field(2, int32) })

/** Links of one message at the most: as many as status-go looks up. */
const maxLinks = 64

export const chatMessage = message('ChatMessage', {
  /** The chat's Lamport clock, in milliseconds. */
  clock: field(1, uint64),
  /** Milliseconds, on the sender's word. */
  timestamp: field(2, uint64),
  text: field(3, text()),
  responseTo: field(4, nameText),
  ensName: field(5, nameText),
  /** Of one to one, the recipient's key: the recipient files it under the sender's. */
  chatId: field(6, nameText),
  /** A ChatKind. */
  kind: field(7, int32),
  /** A ContentType. */
  contentType: field(8, int32),
  content: oneof({
    sticker: [9, stickerMessage],
    image: [10, imageMessage],
    audio: [11, audioMessage],
    community: [12, bytes()],
    /** A message brought over from Discord, as it stands. */
    discord: [99, bytes()],
    bridge: [100, bridgeMessage],
  }),
  displayName: field(14, nameText),
  contactRequestState: optional(15, contactRequestState),
  unfurledLinks: repeated(16, unfurledLink, maxLinks),
  shard: optional(17, shardMessage),
  /** Previews of Status links, as they stand. */
  unfurledStatusLinks: optional(18, bytes()),
  customizationColor: field(19, uint32),
})

export const editMessage = message('EditMessage', {
  clock: field(1, uint64),
  text: field(2, text()),
  chatId: field(3, nameText),
  messageId: field(4, nameText),
  kind: field(6, int32),
  contentType: field(7, int32),
  unfurledLinks: repeated(8, unfurledLink, maxLinks),
  unfurledStatusLinks: optional(9, bytes()),
})

export const deleteMessage = message('DeleteMessage', {
  clock: field(1, uint64),
  chatId: field(2, nameText),
  messageId: field(3, nameText),
  kind: field(5, int32),
  deletedBy: field(6, nameText),
})

export const emojiReaction = message('EmojiReaction', {
  clock: field(1, uint64),
  chatId: field(2, nameText),
  messageId: field(3, nameText),
  kind: field(4, int32),
  /** An Emotion. */
  emotion: field(5, int32),
  retracted: field(6, bool),
})

export const pinMessage = message('PinMessage', {
  clock: field(1, uint64),
  messageId: field(2, nameText),
  chatId: field(3, nameText),
  pinned: field(4, bool),
  kind: field(5, int32),
})

export type ChatMessage = ValueOf<typeof chatMessage>
export type EditMessage = ValueOf<typeof editMessage>
export type DeleteMessage = ValueOf<typeof deleteMessage>
export type EmojiReaction = ValueOf<typeof emojiReaction>
export type PinMessage = ValueOf<typeof pinMessage>
