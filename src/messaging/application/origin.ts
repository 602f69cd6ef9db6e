/**
 * Whether a payload may come from where it came from.
 *
 * The wrapper does not sign its type and does not name its recipient, and status-go takes a payload that the encryption
 * layer could not open for one that was not encrypted. So, before a payload is believed: all layers must agree on who
 * sent it, what is private must have been encrypted, the type must be one that this sender may use in this place, and
 * the chat that it names must be the one in which it came. Otherwise a contact could hand on to others what somebody
 * else signed for him.
 */
import { compress, type PublicKey, sameBytes, type UncompressedKey, uncompress, userId } from '../keys.ts'
import { ChatKind } from './chat.ts'
import type { Payload, PayloadName } from './payloads.ts'

/** How the encryption layer found a payload: in a ratchet, under the static keys of both, under a group's key, or open. */
export type Protection = 'session' | 'static' | 'group key' | 'open'

/** On what kind of topic an envelope came, and what opened it. */
export type Place =
  /** To our own key, or in the conversation that both keys give. */
  | { readonly kind: 'private' }
  /** On the contact code of a person. */
  | { readonly kind: 'contact code'; readonly of: PublicKey }
  | { readonly kind: 'public chat'; readonly name: string }
  /** On a topic of a community; `id` as `communityId` gives it. */
  | { readonly kind: 'community'; readonly id: string; readonly key: PublicKey }
  /** To the key of a community that is ours. */
  | { readonly kind: 'community control'; readonly id: string }

export interface Origin {
  readonly place: Place
  readonly protection: Protection
  /** Who signed the payload. */
  readonly application: UncompressedKey
  /** Who signed the envelope (26/WAKU2-PAYLOAD). */
  readonly transport: PublicKey | undefined
  /** Whose identity the encryption layer knows: of a session, or of a static key. */
  readonly encryption?: PublicKey
}

export type OriginFault = 'signers differ' | 'not encrypted' | 'wrong place' | 'not ours' | 'wrong chat'

/**
 * What a community says of itself, and to those who ask it: its own signature counts, whoever posts it. status-go puts it
 * into envelopes of the person who has the community's key. Posted again by another it says nothing new: all that is taken
 * from it is the community's description, by its clock.
 */
const postedByAnybody: ReadonlySet<PayloadName> = new Set(['communityDescription', 'communityRequestToJoinResponse'])

/** Whether all layers name the same sender. An envelope without a signature names none. */
function signersAgree(name: PayloadName, { application, transport, encryption }: Origin): boolean {
  if (transport === undefined) return false
  if (!postedByAnybody.has(name) && !sameBytes(application, uncompress(transport))) return false
  return encryption === undefined || sameBytes(application, uncompress(encryption))
}

type Fault = OriginFault | undefined
type Rule = (payload: Payload, origin: Origin, me: UncompressedKey) => Fault

function isEncrypted({ protection }: Origin): boolean {
  return protection === 'session' || protection === 'static'
}

const isPrivate: Rule = (_payload, origin) => {
  if (origin.place.kind !== 'private') return 'wrong place'
  return isEncrypted(origin) ? undefined : 'not encrypted'
}

/** From a device of our own. A backup is encrypted to our key by the envelope alone. */
const isOwn: Rule = (payload, origin, me) => {
  if (!sameBytes(origin.application, me)) return 'not ours'
  if (payload.name === 'backup' && origin.place.kind === 'private') return undefined
  return isPrivate(payload, origin, me)
}

/** What somebody tells of himself: on his contact code, or privately. */
const isProfile: Rule = (payload, origin, me) => {
  if (origin.place.kind !== 'contact code') return isPrivate(payload, origin, me)
  return sameBytes(origin.application, uncompress(origin.place.of)) ? undefined : 'wrong place'
}

/** Presence: also on a topic of a community. */
const isPresence: Rule = (payload, origin, me) =>
  origin.place.kind === 'community' ? undefined : isProfile(payload, origin, me)

/** Signed by the community itself, on its topic. One that a token owns is signed by whoever a contract names: not believed here. */
const isFromCommunity: Rule = (_payload, { place, application }) => {
  if (place.kind !== 'community') return 'wrong place'
  return sameBytes(application, uncompress(place.key)) ? undefined : 'signers differ'
}

/** To one person, signed by the community that it names; the envelope encrypts it. */
const isFromCommunityToMe: Rule = (payload, { place, application }) => {
  if (place.kind !== 'private') return 'wrong place'
  const id = 'communityId' in payload.message ? Buffer.from(payload.message.communityId).toString('hex') : ''
  return id === Buffer.from(compress(application)).toString('hex') ? undefined : 'signers differ'
}

const isToCommunity: Rule = (payload, { place }) => {
  if (place.kind !== 'community control') return 'wrong place'
  const id = 'communityId' in payload.message ? `0x${Buffer.from(payload.message.communityId).toString('hex')}` : ''
  return id === place.id ? undefined : 'wrong chat'
}

/** From whoever is on a community's topics: whether he may is for the community's state. */
const isInCommunity: Rule = (_payload, { place }) => (place.kind === 'community' ? undefined : 'wrong place')

/** Leaving goes to the control node, on the community's shard. */
const isToOrInCommunity: Rule = (payload, origin, me) =>
  origin.place.kind === 'community' ? undefined : isToCommunity(payload, origin, me)

interface InChat {
  readonly chatId: string
  readonly kind: number
}

/** Messages of chats, by the kind of chat that they say they are in. */
const byKind: Readonly<Record<number, (message: InChat, origin: Origin, me: UncompressedKey) => Fault>> = {
  [ChatKind.oneToOne]: ({ chatId }, origin, me) => {
    if (origin.place.kind !== 'private') return 'wrong place'
    if (!isEncrypted(origin)) return 'not encrypted'
    // The sender names the recipient: us, or, from a device of our own, whoever it wrote to.
    const isOurs = sameBytes(origin.application, me)
    return isOurs || chatId.toLowerCase() === userId(me) ? undefined : 'wrong chat'
  },
  [ChatKind.publicChat]: ({ chatId }, { place }) => {
    if (place.kind !== 'public chat') return 'wrong place'
    return chatId === place.name ? undefined : 'wrong chat'
  },
  [ChatKind.privateGroup]: (_message, origin) => {
    if (origin.place.kind !== 'private') return 'wrong place'
    // Whether the sender is a member of the group that it names is for the group's state.
    return isEncrypted(origin) ? undefined : 'not encrypted'
  },
  [ChatKind.community]: ({ chatId }, { place }) => {
    if (place.kind !== 'community') return 'wrong place'
    return chatId.startsWith(place.id) && chatId.length > place.id.length ? undefined : 'wrong chat'
  },
}

const inChat: Rule = ({ message }, origin, me) => {
  // Only payloads that have both come here: the table below.
  const { chatId, kind } = message as InChat
  return byKind[kind]?.({ chatId, kind }, origin, me) ?? (byKind[kind] === undefined ? 'wrong chat' : undefined)
}

/** A group's message carries its log; what is in it must be of that group. */
const inGroup: Rule = (payload, origin, me) => {
  if (payload.name !== 'membershipUpdate') return 'wrong place'
  const { chatId, entity } = payload.message
  const isOfGroup =
    entity === undefined || (entity.value.chatId === chatId && entity.value.kind === ChatKind.privateGroup)
  return isPrivate(payload, origin, me) ?? (isOfGroup ? undefined : 'wrong chat')
}

const rules: Readonly<Record<PayloadName, Rule>> = {
  chatMessage: inChat,
  editMessage: inChat,
  deleteMessage: inChat,
  emojiReaction: inChat,
  pinMessage: inChat,
  membershipUpdate: inGroup,
  groupChatInvitation: isPrivate,
  contactUpdate: isPrivate,
  acceptContactRequest: isPrivate,
  retractContactRequest: isPrivate,
  contactCodeAdvertisement: isProfile,
  chatIdentity: isProfile,
  statusUpdate: isPresence,
  syncPairInstallation: isOwn,
  syncInstallationContact: isOwn,
  syncInstallationCommunity: isOwn,
  syncChat: isOwn,
  syncChatRemoved: isOwn,
  syncChatMessagesRead: isOwn,
  syncClearHistory: isOwn,
  syncSetting: isOwn,
  syncProfilePictures: isOwn,
  syncContactRequestDecision: isOwn,
  syncDeleteForMe: isOwn,
  backup: isOwn,
  communityDescription: isFromCommunity,
  communityMagnetlink: isFromCommunity,
  communityPublicShardInfo: isFromCommunity,
  deleteCommunityMemberMessages: isFromCommunity,
  communityEvents: isInCommunity,
  communityRequestToJoin: isToCommunity,
  communityCancelRequestToJoin: isToCommunity,
  communityRequestToLeave: isToOrInCommunity,
  communityEncryptionKeysRequest: isToOrInCommunity,
  communityRequestToJoinResponse: isFromCommunityToMe,
  communityUserKicked: isFromCommunityToMe,
  communityShardKey: isPrivate,
}

/** Why a payload is not to be believed, coming from where it came; undefined when it is. `me` is our own key. */
export function originFault(payload: Payload, origin: Origin, me: UncompressedKey): OriginFault | undefined {
  return signersAgree(payload.name, origin) ? rules[payload.name](payload, origin, me) : 'signers differ'
}
