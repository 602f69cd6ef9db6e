/**
 * What a payload of the application is (status-go's `ApplicationMetadataMessage.Type`). The number is not signed: what
 * a payload may be is decided by who sent it and where, in `origin.ts`.
 */

export const ApplicationType = {
  chatMessage: 1,
  contactUpdate: 2,
  membershipUpdate: 3,
  syncPairInstallation: 4,
  syncInstallationContact: 12,
  contactCodeAdvertisement: 15,
  emojiReaction: 22,
  groupChatInvitation: 23,
  chatIdentity: 24,
  communityDescription: 25,
  communityRequestToJoin: 27,
  pinMessage: 28,
  editMessage: 29,
  statusUpdate: 30,
  deleteMessage: 31,
  syncInstallationCommunity: 32,
  syncChatRemoved: 34,
  syncChatMessagesRead: 35,
  backup: 36,
  syncClearHistory: 41,
  syncSetting: 42,
  communityMagnetlink: 43,
  syncProfilePictures: 44,
  acceptContactRequest: 46,
  retractContactRequest: 47,
  communityRequestToJoinResponse: 48,
  syncContactRequestDecision: 56,
  communityRequestToLeave: 57,
  syncDeleteForMe: 58,
  communityCancelRequestToJoin: 60,
  communityEvents: 67,
  communityShardKey: 73,
  syncChat: 74,
  communityPublicShardInfo: 79,
  communityUserKicked: 81,
  deleteCommunityMemberMessages: 85,
  communityEncryptionKeysRequest: 87,
} as const

export type ApplicationType = (typeof ApplicationType)[keyof typeof ApplicationType]
