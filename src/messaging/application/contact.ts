/** Contacts and profiles: requests, what people tell of themselves, presence (status-go's `contact.proto` and others). */
import { bool, bytes, field, int32, map, message, optional, repeated, text, uint32, uint64 } from '../schema.ts'
import { contactRequestState } from './chat.ts'
import { nameText } from './names.ts'

export const contactUpdate = message('ContactUpdate', {
  clock: field(1, uint64),
  ensName: field(2, nameText),
  profileImage: field(3, text()),
  displayName: field(4, nameText),
  contactRequestClock: field(5, uint64),
  contactRequestState: optional(6, contactRequestState),
  publicKey: field(7, nameText),
  customizationColor: field(8, uint32),
})

/** `id`: of the message that was the request. */
export const acceptContactRequest = message('AcceptContactRequest', { id: field(1, nameText), clock: field(2, uint64) })
export const retractContactRequest = message('RetractContactRequest', {
  id: field(1, nameText),
  clock: field(2, uint64),
})

const identityImage = message('IdentityImage', {
  payload: field(1, bytes()),
  /** 1 the picture itself, 2 the avatar of an ENS name. */
  source: field(2, int32),
  format: field(3, int32),
  encryptionKeys: repeated(4, bytes()),
  encrypted: field(5, bool),
})

export const chatIdentity = message('ChatIdentity', {
  clock: field(1, uint64),
  ensName: field(2, nameText),
  images: map(3, nameText, identityImage, 16),
  displayName: field(4, nameText),
  description: field(5, text()),
  color: field(6, nameText),
  emoji: field(7, nameText),
  /** Seconds, of a community's channel; 0 unknown, 1 none. */
  firstMessageTimestamp: field(9, uint32),
  /** What a profile shows of communities and accounts, as it stands. */
  profileShowcase: optional(10, bytes()),
  customizationColor: field(11, uint32),
})

const pushInfo = message('PushNotificationQueryInfo', {
  accessToken: field(1, nameText),
  installationId: field(2, nameText),
  publicKey: field(3, bytes()),
  allowedKeyList: repeated(4, bytes()),
  grant: field(5, bytes()),
  version: field(6, uint64),
  serverPublicKey: field(7, bytes()),
})

export const contactCodeAdvertisement = message('ContactCodeAdvertisement', {
  pushInfo: repeated(1, pushInfo, 64),
  chatIdentity: optional(2, chatIdentity),
})

/** 1 automatic, 2 do not disturb, 3 always online, 4 inactive. */
export const statusUpdate = message('StatusUpdate', {
  clock: field(1, uint64),
  status: field(2, int32),
  customText: field(3, nameText),
})
