/** Which schema each type of payload has, and reading one by its type. */
import type { DraftOf, ValueOf } from '../schema.ts'
import { chatMessage, deleteMessage, editMessage, emojiReaction, pinMessage } from './chat.ts'
import {
  communityCancelRequestToJoin,
  communityDescription,
  communityEncryptionKeysRequest,
  communityEvents,
  communityMagnetlink,
  communityPublicShardInfo,
  communityRequestToJoin,
  communityRequestToJoinResponse,
  communityRequestToLeave,
  communityShardKey,
  communityUserKicked,
  deleteCommunityMemberMessages,
} from './community.ts'
import {
  acceptContactRequest,
  chatIdentity,
  contactCodeAdvertisement,
  contactUpdate,
  retractContactRequest,
  statusUpdate,
} from './contact.ts'
import {
  backup,
  syncChat,
  syncChatMessagesRead,
  syncChatRemoved,
  syncClearHistory,
  syncContactRequestDecision,
  syncDeleteForMe,
  syncInstallationCommunity,
  syncInstallationContact,
  syncPairInstallation,
  syncProfilePictures,
  syncSetting,
} from './devices.ts'
import { groupChatInvitation, membershipUpdateMessage } from './group.ts'
import { ApplicationType } from './types.ts'

const schemas = {
  chatMessage,
  contactUpdate,
  membershipUpdate: membershipUpdateMessage,
  syncPairInstallation,
  syncInstallationContact,
  contactCodeAdvertisement,
  emojiReaction,
  groupChatInvitation,
  chatIdentity,
  communityDescription,
  communityRequestToJoin,
  pinMessage,
  editMessage,
  statusUpdate,
  deleteMessage,
  syncInstallationCommunity,
  syncChatRemoved,
  syncChatMessagesRead,
  backup,
  syncClearHistory,
  syncSetting,
  communityMagnetlink,
  syncProfilePictures,
  acceptContactRequest,
  retractContactRequest,
  communityRequestToJoinResponse,
  syncContactRequestDecision,
  communityRequestToLeave,
  syncDeleteForMe,
  communityCancelRequestToJoin,
  communityEvents,
  communityShardKey,
  syncChat,
  communityPublicShardInfo,
  communityUserKicked,
  deleteCommunityMemberMessages,
  communityEncryptionKeysRequest,
} as const satisfies Record<keyof typeof ApplicationType, { parse(body: Uint8Array): unknown }>

export type PayloadName = keyof typeof schemas

/** A payload that was read: `name` says which message it is. */
export type Payload = {
  [Name in PayloadName]: { readonly name: Name; readonly message: ValueOf<(typeof schemas)[Name]> }
}[PayloadName]

const names = new Map<number, PayloadName>(
  Object.entries(ApplicationType).map(([name, type]) => [type, name as PayloadName]),
)

export type PayloadFault = 'unknown type' | 'malformed'

/** Reads a payload as what its type says; a reason when it is not. */
export function readPayload(type: number, body: Uint8Array): Payload | PayloadFault {
  const name = names.get(type)
  if (name === undefined) return 'unknown type'
  const message = schemas[name].parse(body)
  // The table pairs each name with its message.
  return message === undefined ? 'malformed' : ({ name, message } as Payload)
}

/** Writes a payload, to be signed with `ApplicationType[name]`. */
export function writePayload<Name extends PayloadName>(name: Name, draft: DraftOf<(typeof schemas)[Name]>): Uint8Array {
  // The schema of a name takes that name's drafts; over the union of names the compiler cannot see it.
  const schema = schemas[name] as unknown as { encode(draft: unknown): Uint8Array }
  return schema.encode(draft)
}
