/** One event of a private group's log, as it is signed: over keccak256 of the group's id and the encoded event. */
import { WaypostError } from '../../core/errors.ts'
import { EventType, isGroupId, type MembershipUpdateEvent, membershipUpdateEvent } from '../application/group.ts'
import { type KeyPair, keccak256, keyOfUser, recoverSigner, signatureBytes, userId } from '../keys.ts'
import type { DraftOf } from '../schema.ts'
import { encodeStayers } from './stayers.ts'

export interface SignedEvent {
  readonly event: MembershipUpdateEvent
  /** The user id of its author. */
  readonly from: string
  /** Of an event that adds members, those of them that are people: what is no key cannot be written to. */
  readonly added: readonly string[]
  /** The signature and the encoded event: what is sent on. */
  readonly raw: Uint8Array
  /** Tells events apart: its author and its bytes. Another signature of the same is the same. */
  readonly key: string
}

export type EventDraft = DraftOf<typeof membershipUpdateEvent> & { readonly clock: bigint }

/** Events as people cause them. Members are user ids. */
export const drafts = {
  created: (name: string, color: string, clock: bigint): EventDraft => ({
    type: EventType.created,
    name,
    color,
    clock,
  }),
  nameChanged: (name: string, clock: bigint): EventDraft => ({ type: EventType.nameChanged, name, clock }),
  colorChanged: (color: string, clock: bigint): EventDraft => ({ type: EventType.colorChanged, color, clock }),
  imageChanged: (image: Uint8Array, clock: bigint): EventDraft => ({ type: EventType.imageChanged, image, clock }),
  membersAdded: (members: string[], clock: bigint): EventDraft => ({ type: EventType.membersAdded, members, clock }),
  memberJoined: (clock: bigint): EventDraft => ({ type: EventType.memberJoined, clock }),
  /** `stay` are all members that an admin knows: with them go those whom the removed one let in and who are not among them. */
  memberRemoved: (member: string, clock: bigint, stay?: Iterable<string>): EventDraft => ({
    type: EventType.memberRemoved,
    members: [member],
    image: stay && encodeStayers(stay),
    clock,
  }),
  adminsAdded: (members: string[], clock: bigint): EventDraft => ({ type: EventType.adminsAdded, members, clock }),
  adminRemoved: (admin: string, clock: bigint): EventDraft => ({
    type: EventType.adminRemoved,
    members: [admin],
    clock,
  }),
} as const

/** The id of a new group: `uuid` and its creator. Throws `messaging/bad-group-id`. */
export function groupId(uuid: string, creator: KeyPair): string {
  return checkedGroupId(`${uuid}-${userId(creator.publicKey)}`)
}

/** `text` when it is the id of a group. Throws `messaging/bad-group-id`. */
export function checkedGroupId(text: string): string {
  if (!isGroupId(text)) throw new WaypostError('messaging/bad-group-id', {})
  return text
}

/**
 * Throws `messaging/bad-group-id`, for a signature over an id of any other form could be read as something else, and
 * `wire/malformed` for a draft that nobody would read: names or a picture above their bounds.
 */
export function signEvent(chatId: string, draft: EventDraft, author: KeyPair): SignedEvent {
  const body = membershipUpdateEvent.encode(draft)
  const signature = author.sign(digestOf(checkedGroupId(chatId), body))
  return signedEvent(userId(author.publicKey), signature, body)
}

/** What an event says, whoever signed it; undefined when it is none. */
export function unsignedEvent(raw: Uint8Array): MembershipUpdateEvent | undefined {
  return raw.length > signatureBytes ? membershipUpdateEvent.parse(raw.subarray(signatureBytes)) : undefined
}

/** Reads an event of the log of `chatId`; undefined when it is none, or nobody can have signed it. */
export function openEvent(chatId: string, raw: Uint8Array): SignedEvent | undefined {
  if (unsignedEvent(raw) === undefined || !isGroupId(chatId)) return undefined
  const signature = raw.subarray(0, signatureBytes)
  const body = raw.subarray(signatureBytes)
  const signer = recoverSigner(digestOf(chatId, body), signature)
  return signer && signedEvent(userId(signer), signature, body)
}

function signedEvent(from: string, signature: Uint8Array, body: Uint8Array): SignedEvent {
  // A copy: what was read is a view of a whole message, and this stays.
  const raw = Buffer.concat([signature, body])
  const event = membershipUpdateEvent.decode(raw.subarray(signatureBytes))
  const key = `${from} ${Buffer.from(keccak256(body)).toString('hex')}`
  const added = event.type === EventType.membersAdded ? event.members.filter(isUserId) : []
  return { event, from, added, raw, key }
}

/** In the form in which ids are compared: `0x`, and the long key in lower case. */
function isUserId(text: string): boolean {
  try {
    return userId(keyOfUser(text)) === text
  } catch {
    return false
  }
}

function digestOf(chatId: string, body: Uint8Array): Uint8Array {
  return keccak256(Buffer.from(chatId), body)
}
