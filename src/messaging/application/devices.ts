/** What the devices of one person tell each other (status-go's `pairing.proto`). */
import {
  bool,
  bytes,
  field,
  int32,
  int64,
  message,
  oneof,
  optional,
  repeated,
  text,
  uint32,
  uint64,
} from '../schema.ts'
import { nameText } from './names.ts'

export const syncPairInstallation = message('SyncPairInstallation', {
  clock: field(1, uint64),
  installationId: field(2, nameText),
  deviceType: field(3, nameText),
  name: field(4, nameText),
  version: field(5, uint32),
  targetInstallationId: field(6, nameText),
})

export const syncInstallationContact = message('SyncInstallationContactV2', {
  lastUpdatedLocally: field(1, uint64),
  /** A user id. */
  id: field(2, nameText),
  profileImage: field(3, text()),
  ensName: field(4, nameText),
  lastUpdated: field(5, uint64),
  systemTags: repeated(6, nameText, 64),
  localNickname: field(7, nameText),
  added: field(9, bool),
  blocked: field(10, bool),
  muted: field(11, bool),
  removed: field(12, bool),
  hasAddedUs: field(13, bool),
  verificationStatus: field(14, int64),
  trustStatus: field(15, int64),
  contactRequestLocalState: field(16, int64),
  contactRequestLocalClock: field(17, int64),
  contactRequestRemoteState: field(18, int64),
  contactRequestRemoteClock: field(19, int64),
  displayName: field(20, nameText),
  customizationColor: field(21, uint32),
})

const requestToJoin = message('SyncCommunityRequestsToJoin', {
  id: field(1, bytes()),
  publicKey: field(2, nameText),
  clock: field(3, uint64),
  ensName: field(4, nameText),
  chatId: field(5, nameText),
  communityId: field(6, bytes()),
  state: field(7, uint64),
  customizationColor: field(9, uint32),
  shareFutureAddresses: field(10, bool),
})

const communitySettings = message('SyncCommunitySettings', {
  clock: field(1, uint64),
  communityId: field(2, nameText),
  historyArchiveSupport: field(3, bool),
})

export const syncInstallationCommunity = message('SyncInstallationCommunity', {
  clock: field(1, uint64),
  id: field(2, bytes()),
  /** The description as its owner has signed it. */
  description: field(4, bytes()),
  joined: field(5, bool),
  verified: field(6, bool),
  muted: field(7, bool),
  requestsToJoin: repeated(8, requestToJoin),
  settings: optional(9, communitySettings),
  encrypted: field(10, bool),
  spectated: field(11, bool),
  controlNode: optional(
    13,
    message('SyncCommunityControlNode', { clock: field(1, uint64), installationId: field(2, nameText) }),
  ),
  joinedAt: field(14, int64),
  lastOpenedAt: field(15, int64),
  encryptionKeys: repeated(16, bytes()),
})

const syncedEvent = message('MembershipUpdateEvents', {
  clock: field(1, uint64),
  type: field(2, uint32),
  members: repeated(3, nameText, 256),
  name: field(4, nameText),
  signature: field(5, bytes()),
  chatId: field(6, nameText),
  from: field(7, nameText),
  /** The event as it was signed. */
  rawPayload: field(8, bytes()),
  color: field(9, nameText),
  image: field(10, bytes()),
})

export const syncChat = message('SyncChat', {
  id: field(1, nameText),
  chatType: field(2, uint32),
  name: field(3, nameText),
  membershipEvents: repeated(4, syncedEvent),
  active: field(5, bool),
  clock: field(6, uint64),
  muted: field(7, bool),
})

const clockAndId = { clock: field(1, uint64), id: field(2, nameText) } as const

export const syncChatRemoved = message('SyncChatRemoved', clockAndId)
export const syncChatMessagesRead = message('SyncChatMessagesRead', clockAndId)

export const syncClearHistory = message('SyncClearHistory', { chatId: field(1, nameText), clearedAt: field(2, uint64) })
export const syncDeleteForMe = message('SyncDeleteForMeMessage', {
  clock: field(1, uint64),
  messageId: field(2, nameText),
})

/** `decision`: 0 accepted, 1 declined. */
export const syncContactRequestDecision = message('SyncContactRequestDecision', {
  clock: field(1, uint64),
  requestId: field(2, nameText),
  decision: field(3, int32),
  contactId: field(4, nameText),
})

export const syncSetting = message('SyncSetting', {
  type: field(1, int32),
  clock: field(2, uint64),
  value: oneof({ text: [3, text()], bytes: [4, bytes()], bool: [5, bool], int64: [6, int64] }),
})

const profilePicture = message('SyncProfilePicture', {
  name: field(1, nameText),
  payload: field(2, bytes()),
  width: field(3, uint32),
  height: field(4, uint32),
  fileSize: field(5, uint32),
  resizeTarget: field(6, uint32),
  clock: field(7, uint64),
})

export const syncProfilePictures = message('SyncProfilePictures', {
  keyUid: field(1, nameText),
  pictures: repeated(2, profilePicture, 16),
})

const progress = message('FetchingBackedUpDataDetails', { dataNumber: field(1, uint32), totalNumber: field(2, uint32) })

const backedUpProfile = message('BackedUpProfile', {
  keyUid: field(1, nameText),
  displayName: field(2, nameText),
  displayNameClock: field(3, uint64),
  pictures: repeated(4, profilePicture, 16),
})

/** One part of a backup. Wallet accounts and keys are not ours: they are passed over. */
export const backup = message('Backup', {
  clock: field(1, uint64),
  id: field(2, nameText),
  contacts: repeated(3, syncInstallationContact),
  communities: repeated(4, syncInstallationCommunity),
  contactsProgress: optional(5, progress),
  communitiesProgress: optional(6, progress),
  profile: optional(7, backedUpProfile),
  profileProgress: optional(8, progress),
  setting: optional(9, syncSetting),
  settingsProgress: optional(10, progress),
  chats: repeated(15, syncChat),
  chatsProgress: optional(16, progress),
})
