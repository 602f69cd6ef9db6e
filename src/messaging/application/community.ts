/** Communities: their description, joining and leaving, events of their admins (status-go's `communities.proto`). */
import {
  bool,
  bytes,
  field,
  int32,
  map,
  message,
  optional,
  repeated,
  text,
  uint32,
  uint64,
  type ValueOf,
} from '../schema.ts'
import { shardMessage } from './chat.ts'
import { chatIdentity } from './contact.ts'
import { nameText } from './names.ts'

/** Members, and people banned, of one community. */
const maxCommunityMembers = 32_768
const maxChannels = 1024

export const Role = { owner: 1, admin: 4, tokenMaster: 5 } as const
/** Who may join: whoever asks, or whom an admin lets in. */
export const Access = { autoAccept: 1, invitationOnly: 2, manualAccept: 3 } as const
/** 0 is a poster. */
export const ChannelRole = { poster: 0, viewer: 1 } as const

const revealedAccount = message('RevealedAccount', {
  address: field(1, nameText),
  signature: field(2, bytes()),
  chainIds: repeated(3, uint64),
  isAirdropAddress: field(4, bool),
})

const communityMember = message('CommunityMember', {
  /** Each a Role. */
  roles: repeated(1, int32, 16),
  revealedAccounts: repeated(2, revealedAccount, 64),
  lastUpdateClock: field(3, uint64),
  /** A ChannelRole. */
  channelRole: field(4, int32),
})

const permissions = message('CommunityPermissions', {
  ensOnly: field(1, bool),
  private: field(2, bool),
  /** An Access. */
  access: field(3, int32),
})

const bloomFilter = message('CommunityBloomFilter', {
  data: field(1, bytes()),
  m: field(2, uint64),
  k: field(3, uint64),
})

export const communityChannel = message('CommunityChat', {
  members: map(1, nameText, communityMember, maxCommunityMembers),
  permissions: optional(2, permissions),
  identity: optional(3, chatIdentity),
  categoryId: field(4, nameText),
  position: field(5, int32),
  viewersCanPostReactions: field(6, bool),
  hideIfPermissionsNotMet: field(7, bool),
  membersList: optional(8, bloomFilter),
})

const category = message('CommunityCategory', {
  categoryId: field(1, nameText),
  name: field(2, nameText),
  position: field(3, int32),
})

const tokenCriteria = message('TokenCriteria', {
  contractAddresses: map(1, uint64, nameText, 64),
  type: field(2, int32),
  symbol: field(3, nameText),
  name: field(4, nameText),
  amount: field(5, nameText),
  tokenIds: repeated(6, uint64),
  ensPattern: field(7, nameText),
  decimals: field(8, uint64),
  amountInWei: field(9, nameText),
})

const tokenPermission = message('CommunityTokenPermission', {
  id: field(1, nameText),
  /** 1 to become an admin, 2 a member, 3 to see a channel, 4 to post in it, 5 a token master, 6 the owner. */
  type: field(2, int32),
  criteria: repeated(3, tokenCriteria, 256),
  chatIds: repeated(4, nameText, maxChannels),
  isPrivate: field(5, bool),
})

const tokenMetadata = message('CommunityTokenMetadata', {
  contractAddresses: map(1, uint64, nameText, 64),
  description: field(2, text()),
  /** A picture as a data URL. */
  image: field(3, text(1024 * 1024)),
  type: field(4, int32),
  symbol: field(5, nameText),
  name: field(6, nameText),
  decimals: field(7, uint32),
  version: field(8, nameText),
})

const adminSettings = message('CommunityAdminSettings', { membersMayPin: field(1, bool) })
const banInfo = message('CommunityBanInfo', { deleteAllMessages: field(1, bool) })

export const communityDescription = message('CommunityDescription', {
  clock: field(1, uint64),
  /** By user id. */
  members: map(2, nameText, communityMember, maxCommunityMembers),
  permissions: optional(3, permissions),
  identity: optional(5, chatIdentity),
  /** By the channel's uuid. */
  chats: map(6, nameText, communityChannel, maxChannels),
  /** Before `bannedMembers`. */
  banList: repeated(7, nameText, maxCommunityMembers),
  categories: map(8, nameText, category, maxChannels),
  archiveMagnetlinkClock: field(9, uint64),
  adminSettings: optional(10, adminSettings),
  introMessage: field(11, text()),
  outroMessage: field(12, text()),
  encrypted: field(13, bool),
  tags: repeated(14, nameText, 64),
  tokenPermissions: map(15, nameText, tokenPermission, maxChannels),
  tokensMetadata: repeated(16, tokenMetadata, 256),
  activeMembersCount: field(17, uint64),
  id: field(18, nameText),
  bannedMembers: map(19, nameText, banInfo, maxCommunityMembers),
  resendAccountsClock: field(20, uint64),
  /** Parts under a hash ratchet, by hexadecimal key id and sequence number. */
  privateData: map(100, nameText, bytes(), maxChannels),
})

/** status-go counts the clock of requests, and of leaving, in seconds. */
const asking = {
  clock: field(1, uint64),
  ensName: field(2, nameText),
  chatId: field(3, nameText),
  communityId: field(4, bytes()),
  displayName: field(5, nameText),
} as const

export const communityRequestToJoin = message('CommunityRequestToJoin', {
  ...asking,
  revealedAccounts: repeated(6, revealedAccount, 64),
  customizationColor: field(7, uint32),
})

export const communityCancelRequestToJoin = message('CommunityCancelRequestToJoin', {
  ...asking,
  customizationColor: field(6, uint32),
})

export const communityRequestToJoinResponse = message('CommunityRequestToJoinResponse', {
  clock: field(1, uint64),
  community: optional(2, communityDescription),
  accepted: field(3, bool),
  grant: field(4, bytes()),
  communityId: field(5, bytes()),
  magnetUri: field(6, text()),
  protectedTopicPrivateKey: field(7, bytes()),
  shard: optional(8, shardMessage),
  /** The description as its owner has signed it. */
  signedDescription: field(9, bytes()),
})

const leaving = { clock: field(1, uint64), communityId: field(2, bytes()) } as const

export const communityRequestToLeave = message('CommunityRequestToLeave', leaving)
export const communityUserKicked = message('CommunityUserKicked', leaving)

export const communityMagnetlink = message('CommunityMessageArchiveMagnetlink', {
  clock: field(1, uint64),
  magnetUri: field(2, text()),
})

export const communityShardKey = message('CommunityShardKey', {
  communityId: field(1, bytes()),
  privateKey: field(2, bytes()),
  clock: field(3, uint64),
  shard: optional(4, shardMessage),
})

/** A payload and the signature of keccak256 of it, by the community's key. */
const signed = { signature: field(1, bytes()), payload: field(2, bytes()) } as const

export const communityPublicShardInfo = message('CommunityPublicShardInfo', signed)

export const communityEncryptionKeysRequest = message('CommunityEncryptionKeysRequest', {
  communityId: field(1, bytes()),
  chatIds: repeated(2, nameText, maxChannels),
})

export const deleteCommunityMemberMessages = message('DeleteCommunityMemberMessages', {
  clock: field(1, uint64),
  communityId: field(2, bytes()),
  memberId: field(3, nameText),
  messages: repeated(
    4,
    message('DeleteCommunityMemberMessage', { id: field(1, nameText), chatId: field(2, nameText) }),
  ),
})

const communityConfig = message('CommunityConfig', {
  identity: optional(1, chatIdentity),
  permissions: optional(2, permissions),
  adminSettings: optional(3, adminSettings),
  introMessage: field(4, text()),
  outroMessage: field(5, text()),
  tags: repeated(6, nameText, 64),
})

/** What an admin did, to be folded into the description by the control node. */
export const communityEvent = message('CommunityEvent', {
  clock: field(1, uint64),
  /** 1 edit, 2 and 3 token permissions, 4 to 6 and 10 categories, 7 to 9 and 11 channels, 12 and 13 requests, 14 kick, 15 ban, 16 unban, 17 token, 18 delete messages. */
  type: field(2, int32),
  config: optional(3, communityConfig),
  tokenPermission: optional(4, tokenPermission),
  category: optional(
    5,
    message('CategoryData', {
      categoryId: field(1, nameText),
      name: field(2, nameText),
      channelIds: repeated(3, nameText, maxChannels),
      position: field(4, int32),
    }),
  ),
  channel: optional(
    6,
    message('ChannelData', {
      categoryId: field(1, nameText),
      channelId: field(2, nameText),
      position: field(3, int32),
      channel: optional(4, communityChannel),
    }),
  ),
  memberToAction: field(7, nameText),
  membersAdded: map(8, nameText, communityMember, maxCommunityMembers),
  rejectedRequests: map(9, nameText, communityRequestToJoin),
  acceptedRequests: map(10, nameText, communityRequestToJoin),
  tokenMetadata: optional(11, tokenMetadata),
})

export const communityEvents = message('CommunityEventsMessage', {
  communityId: field(1, bytes()),
  /** The signed description that the events stand on. */
  baseDescription: field(2, bytes()),
  signedEvents: repeated(4, message('SignedCommunityEvent', signed), 1024),
})

export type CommunityDescription = ValueOf<typeof communityDescription>
export type CommunityMember = ValueOf<typeof communityMember>
export type CommunityRequestToJoin = ValueOf<typeof communityRequestToJoin>
