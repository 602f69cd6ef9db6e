/** What people may do in a community, by its description. */
import type { Milliseconds } from '../../core/time.ts'
import {
  Access,
  ChannelRole,
  type CommunityDescription,
  type CommunityRequestToJoin,
  Role,
} from '../application/community.ts'
import type { PayloadName } from '../application/payloads.ts'
import { maxCollidingKeys, maxRekeyEntries } from '../encryption/protocol-message.ts'
import { isEncrypted } from './description.ts'

/** Roles that run a community. */
const privileged: readonly number[] = [Role.owner, Role.admin, Role.tokenMaster]

export function isPrivileged({ members }: CommunityDescription, id: string): boolean {
  return members.get(id)?.roles.some((role) => privileged.includes(role)) ?? false
}

export function isBanned({ banList, bannedMembers }: CommunityDescription, id: string): boolean {
  return banList.includes(id) || bannedMembers.has(id)
}

/** The user ids of whom a community does not let in. */
export function bannedOf({ banList, bannedMembers }: CommunityDescription): readonly string[] {
  return [...new Set([...banList, ...bannedMembers.keys()])]
}

export type PostFault = 'no such channel' | 'banned' | 'not a member' | 'not a poster'

/**
 * Why somebody may not say this in a channel; undefined when he may. `payload` is a message, a reaction, or a pin; a
 * message of somebody who may is still to be checked for itself.
 */
export function postFault(
  description: CommunityDescription,
  id: string,
  uuid: string,
  payload: PayloadName,
): PostFault | undefined {
  const channel = description.chats.get(uuid)
  if (channel === undefined) return 'no such channel'
  if (isBanned(description, id)) return 'banned'
  const member = description.members.has(id) ? channel.members.get(id) : undefined
  if (member === undefined) return 'not a member'
  if (payload === 'pinMessage')
    return isPrivileged(description, id) || description.adminSettings?.membersMayPin ? undefined : 'not a poster'
  const isReaction = payload === 'emojiReaction' && channel.viewersCanPostReactions
  return member.channelRole === ChannelRole.poster || isReaction ? undefined : 'not a poster'
}

/** How long a request to join may be on its way: a week. Unlike all others, the clock of a request counts seconds. */
const requestLifetimeSeconds = 7n * 24n * 60n * 60n

export type RequestVerdict =
  | 'accept'
  | 'ask'
  | 'is a member'
  | 'banned'
  | 'no ENS name'
  | 'closed'
  | 'expired'
  | 'no room'

/**
 * Whether a rekey of an encrypted community still has room for somebody: members are counted, and so are those under one index,
 * which whoever makes keys until they fit can have many of.
 */
function hasRoom({ members }: CommunityDescription, id: string): boolean {
  const alike = [...members.keys()].filter((one) => indexDigits(one) === indexDigits(id))
  return members.size < maxRekeyEntries && alike.length < maxCollidingKeys
}

/** The index of a user in a rekey as digits of the user id: behind `0x04`, of bytes 1 to 4 of the key. */
function indexDigits(id: string): string {
  return id.slice(4, 12)
}

/** What becomes of a request to join: accepted by itself, put before an admin, or why not. */
export function requestVerdict(
  description: CommunityDescription,
  id: string,
  request: CommunityRequestToJoin,
  now: Milliseconds,
): RequestVerdict {
  const { permissions, members } = description
  if (isBanned(description, id)) return 'banned'
  if (members.has(id)) return 'is a member'
  if (permissions?.ensOnly && request.ensName === '') return 'no ENS name'
  if (isEncrypted(description) && !hasRoom(description, id)) return 'no room'
  if (request.clock + requestLifetimeSeconds <= BigInt(Math.floor(now / 1000))) return 'expired'
  if (permissions?.access === Access.autoAccept) return 'accept'
  return permissions?.access === Access.manualAccept ? 'ask' : 'closed'
}
