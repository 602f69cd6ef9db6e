/**
 * Whether a payload says what it must: the checks that status-go's receivers make, and so what a sender must keep to.
 * What it may say, from whom and where, is `origin.ts`.
 */
import type { Milliseconds } from '../../core/time.ts'
import { type ClockFault, clockFault } from '../clock.ts'
import { ChatKind, type ChatMessage, ContentType, type EmojiReaction } from './chat.ts'
import { isGroupId } from './group.ts'
import type { Payload, PayloadName } from './payloads.ts'
import { displayNameFault, isBlank, statusTextFault, type TextFault, textFault } from './texts.ts'

export type ContentFault =
  | ClockFault
  | TextFault
  | 'no timestamp'
  | 'no chat'
  | 'not a group'
  | 'no message id'
  | 'no community'
  | 'unknown kind of chat'
  | 'unknown content'
  | 'content of a device'
  | 'no content'
  | 'media in a public chat'
  | 'unknown emotion'
  | 'unknown status'
  | 'bad display name'
  | 'no installation'

type Fault = ContentFault | undefined
type MessageOf<Name extends PayloadName> = Extract<Payload, { readonly name: Name }>['message']
type Checks = { readonly [Name in PayloadName]?: (message: MessageOf<Name>, sentAt: Milliseconds) => Fault }

const chatKinds: ReadonlySet<number> = new Set(Object.values(ChatKind))

/** Contents that only stand on one's own device: a peer that sends one lies. */
const localContents: ReadonlySet<number> = new Set([5, 6, 10, 14, 15, 16, 17])

/** Contents whose text may be missing. */
const textless: ReadonlySet<number> = new Set([ContentType.discord, ContentType.bridge])

function kindFault(kind: number): Fault {
  return chatKinds.has(kind) ? undefined : 'unknown kind of chat'
}

/** A chat is named; a private group by its id. */
function chatFault({ chatId, kind }: { readonly chatId: string; readonly kind: number }): Fault {
  if (chatId === '') return 'no chat'
  return kind === ChatKind.privateGroup && !isGroupId(chatId) ? 'not a group' : kindFault(kind)
}

/** The content that a type of content needs, and whether it is whole. */
const contents: Readonly<Record<number, (content: ChatMessage['content']) => boolean>> = {
  [ContentType.sticker]: (content) => content?.case === 'sticker' && content.value.hash !== '',
  [ContentType.image]: (content) =>
    content?.case === 'image' && content.value.payload.length > 0 && content.value.format !== 0,
  [ContentType.audio]: (content) =>
    content?.case === 'audio' && content.value.payload.length > 0 && content.value.format !== 0,
  [ContentType.bridge]: (content) => {
    if (content?.case !== 'bridge') return false
    return content.value.userName !== '' && content.value.bridgeName !== '' && content.value.content !== ''
  },
}

function contentFault({ contentType, content, kind, text }: ChatMessage): Fault {
  if (contentType === 0) return 'unknown content'
  if (localContents.has(contentType)) return 'content of a device'
  const isMedia = contentType === ContentType.image || contentType === ContentType.audio
  if (isMedia && kind === ChatKind.publicChat) return 'media in a public chat'
  if (contents[contentType]?.(content) === false) return 'no content'
  if (textless.has(contentType) || (contentType === ContentType.image && text === '')) return undefined
  return textFault(text)
}

type RequestState = ChatMessage['contactRequestState']

/** The clocks of a handshake: 0 where nothing was done yet. One ahead of the time could not be undone. */
function requestFault(state: RequestState, sentAt: Milliseconds, clock = 0n): Fault {
  const clocks = [clock, state?.localClock ?? 0n, state?.remoteClock ?? 0n].filter((one) => one !== 0n)
  return clocks.some((one) => clockFault(one, sentAt) !== undefined) ? 'clock ahead' : undefined
}

function chatMessageFault(message: ChatMessage, sentAt: Milliseconds): Fault {
  return (
    clockFault(message.clock, sentAt) ??
    (message.timestamp === 0n ? 'no timestamp' : undefined) ??
    chatFault(message) ??
    requestFault(message.contactRequestState, sentAt) ??
    contentFault(message) ??
    displayNameFault(message.displayName)
  )
}

interface AboutMessage {
  readonly clock: bigint
  readonly chatId: string
  readonly messageId: string
  readonly kind: number
}

/** What edits, deletions, reactions and pins have in common. */
function aboutFault(message: AboutMessage, sentAt: Milliseconds): Fault {
  if (message.messageId === '') return 'no message id'
  return chatFault(message) ?? clockFault(message.clock, sentAt)
}

function reactionFault(reaction: EmojiReaction, sentAt: Milliseconds): Fault {
  return aboutFault(reaction, sentAt) ?? (reaction.emotion === 0 ? 'unknown emotion' : undefined)
}

interface OfCommunity {
  readonly communityId: Uint8Array
}

/** Bytes of a community's id: its compressed key. */
const communityIdBytes = 33

function communityFault({ communityId }: OfCommunity): Fault {
  return communityId.length === communityIdBytes ? undefined : 'no community'
}

function askingFault(message: OfCommunity & { readonly clock: bigint }, sentAt: Milliseconds): Fault {
  return communityFault(message) ?? clockFault(message.clock, sentAt)
}

const checks: Checks = {
  chatMessage: chatMessageFault,
  editMessage: (edit, sentAt) => aboutFault(edit, sentAt) ?? textFault(edit.text),
  deleteMessage: aboutFault,
  pinMessage: aboutFault,
  emojiReaction: reactionFault,
  membershipUpdate: ({ chatId, entity }, sentAt) => {
    if (!isGroupId(chatId)) return chatId === '' ? 'no chat' : 'not a group'
    if (entity === undefined) return undefined
    return entity.case === 'message' ? chatMessageFault(entity.value, sentAt) : reactionFault(entity.value, sentAt)
  },
  groupChatInvitation: ({ chatId }) => chatFault({ chatId, kind: ChatKind.privateGroup }),
  contactUpdate: (update, sentAt) =>
    clockFault(update.clock, sentAt) ??
    requestFault(update.contactRequestState, sentAt, update.contactRequestClock) ??
    displayNameFault(update.displayName),
  acceptContactRequest: ({ clock, id }, sentAt) => (id === '' ? 'no message id' : clockFault(clock, sentAt)),
  retractContactRequest: ({ clock }, sentAt) => clockFault(clock, sentAt),
  chatIdentity: ({ displayName }) => displayNameFault(displayName),
  contactCodeAdvertisement: ({ chatIdentity }) => displayNameFault(chatIdentity?.displayName ?? ''),
  statusUpdate: ({ clock, status, customText }) => {
    if (clock === 0n) return 'no clock'
    return status === 0 ? 'unknown status' : statusTextFault(customText)
  },
  syncPairInstallation: ({ clock, name, deviceType, installationId }, sentAt) =>
    clockFault(clock, sentAt) ?? ([name, deviceType, installationId].some(isBlank) ? 'no installation' : undefined),
  syncDeleteForMe: ({ messageId }) => (messageId === '' ? 'no message id' : undefined),
  communityDescription: ({ clock }, sentAt) => clockFault(clock, sentAt),
  communityRequestToJoin: (asked, sentAt) => askingFault(asked, sentAt) ?? displayNameFault(asked.displayName),
  communityCancelRequestToJoin: askingFault,
  communityRequestToJoinResponse: communityFault,
  communityRequestToLeave: askingFault,
  communityUserKicked: askingFault,
  communityEncryptionKeysRequest: communityFault,
  communityEvents: communityFault,
  communityShardKey: communityFault,
  deleteCommunityMemberMessages: communityFault,
}

/** What is wrong with a payload whose clock may be held against `sentAt`; undefined when nothing is. */
export function payloadFault(payload: Payload, sentAt: Milliseconds): ContentFault | undefined {
  // The check of a name takes that name's message; over the union of names the compiler cannot see it.
  const check = checks[payload.name] as ((message: unknown, sentAt: Milliseconds) => Fault) | undefined
  return check?.(payload.message, sentAt)
}
