/** Private groups: the log of their membership, and what goes with it (status-go's `membership_update_message.proto`). */
import { bytes, field, int32, message, oneof, repeated, text, uint64, type ValueOf } from '../schema.ts'
import { chatMessage, emojiReaction } from './chat.ts'
import { nameText } from './names.ts'

/** Events of one message and of one log at the most, and members that one of them names. Each is a signature to check. */
export const maxEvents = 1024
const maxEventMembers = 256

/** Bytes of a group's picture: every message carries it, and is 1 MiB at the most. */
export const maxGroupImageBytes = 512 * 1024

/**
 * The id of a private group: a uuid and the user id of its creator, in lower case. Its events are signed over the id and
 * the event, other things over bytes alone: in an id of any other form could stand the beginning of such bytes.
 */
const groupIdForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-0x04[0-9a-f]{128}$/

export function isGroupId(text: string): boolean {
  return groupIdForm.test(text)
}

export const EventType = {
  created: 1,
  nameChanged: 2,
  membersAdded: 3,
  memberJoined: 4,
  memberRemoved: 5,
  adminsAdded: 6,
  adminRemoved: 7,
  colorChanged: 8,
  imageChanged: 9,
} as const

export const membershipUpdateEvent = message('MembershipUpdateEvent', {
  clock: field(1, uint64),
  /** User ids, as they stand on the wire: `0x` and 130 digits. */
  members: repeated(2, text(256), maxEventMembers),
  name: field(3, nameText),
  /** An EventType. */
  type: field(4, int32),
  color: field(5, text(64)),
  image: field(6, bytes(maxGroupImageBytes)),
})

export const membershipUpdateMessage = message('MembershipUpdateMessage', {
  chatId: field(1, nameText),
  /** Each a signature of 65 bytes and an encoded event. */
  events: repeated(2, bytes(), maxEvents),
  entity: oneof({ message: [3, chatMessage], reaction: [4, emojiReaction] }),
})

/** `state`: 1 asked for, 2 refused, 3 approved. */
export const groupChatInvitation = message('GroupChatInvitation', {
  clock: field(1, uint64),
  chatId: field(2, nameText),
  introduction: field(3, text()),
  state: field(4, int32),
})

export type MembershipUpdateEvent = ValueOf<typeof membershipUpdateEvent>
