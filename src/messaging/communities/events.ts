/**
 * What admins of a community do while they do not have its key: signed events, which the control node folds into the
 * description that it publishes (status-go's `CommunityEvent`). Token permissions and categories are not folded yet.
 */
import type { Milliseconds } from '../../core/time.ts'
import { type CommunityDescription, communityEvent, Role } from '../application/community.ts'
import { type KeyPair, keccak256, recoverSigner, userId } from '../keys.ts'
import type { DraftOf, ValueOf } from '../schema.ts'
import {
  descriptionFault,
  withBan,
  withChannelAs,
  withEdit,
  withoutBan,
  withoutChannel,
  withoutMember,
} from './description.ts'

export const CommunityEventType = {
  edit: 1,
  channelCreated: 7,
  channelDeleted: 8,
  channelEdited: 9,
  memberKicked: 14,
  memberBanned: 15,
  memberUnbanned: 16,
} as const

export type CommunityEvent = ValueOf<typeof communityEvent>

export interface SignedCommunityEvent {
  readonly signature: Uint8Array
  readonly payload: Uint8Array
}

export function signCommunityEvent(draft: DraftOf<typeof communityEvent>, author: KeyPair): SignedCommunityEvent {
  const payload = communityEvent.encode(draft)
  return { signature: author.sign(keccak256(payload)), payload }
}

interface Opened {
  readonly from: string
  readonly event: CommunityEvent
}

function open({ signature, payload }: SignedCommunityEvent): Opened | undefined {
  const signer = recoverSigner(keccak256(payload), signature)
  const event = communityEvent.parse(payload)
  return signer === undefined || event === undefined ? undefined : { from: userId(signer), event }
}

/** Who stands above whom: an owner above all, others above those below them. */
const ranks: Readonly<Record<number, number>> = { [Role.owner]: 3, [Role.tokenMaster]: 2, [Role.admin]: 1 }

function rankOf({ members }: CommunityDescription, id: string): number {
  return Math.max(0, ...(members.get(id)?.roles ?? []).map((role) => ranks[role] ?? 0))
}

function isAbove(description: CommunityDescription, one: string, other: string): boolean {
  const rank = rankOf(description, one)
  return rank === ranks[Role.owner] || rank > rankOf(description, other)
}

type Fold = (
  description: CommunityDescription,
  event: CommunityEvent,
  now: Milliseconds,
) => CommunityDescription | undefined

const folds: Readonly<Record<number, Fold>> = {
  [CommunityEventType.edit]: (description, { config }, now) => config && withEdit(description, config, now),
  [CommunityEventType.channelCreated]: (description, { channel }, now) =>
    channel?.channel && !description.chats.has(channel.channelId)
      ? withChannelAs(description, channel.channelId, channel.channel, now)
      : undefined,
  [CommunityEventType.channelEdited]: (description, { channel }, now) =>
    channel?.channel && description.chats.has(channel.channelId)
      ? withChannelAs(description, channel.channelId, channel.channel, now)
      : undefined,
  [CommunityEventType.channelDeleted]: (description, { channel }, now) =>
    channel && withoutChannel(description, channel.channelId, now),
  [CommunityEventType.memberKicked]: (description, { memberToAction }, now) =>
    withoutMember(description, memberToAction, now),
  [CommunityEventType.memberBanned]: (description, { memberToAction }, now) =>
    withBan(description, memberToAction, now),
  [CommunityEventType.memberUnbanned]: (description, { memberToAction }, now) =>
    withoutBan(description, memberToAction, now),
}

const onMembers: ReadonlySet<number> = new Set([
  CommunityEventType.memberKicked,
  CommunityEventType.memberBanned,
  CommunityEventType.memberUnbanned,
])

function isAllowed(description: CommunityDescription, { from, event }: Opened): boolean {
  if (rankOf(description, from) === 0) return false
  return !onMembers.has(event.type) || isAbove(description, from, event.memberToAction)
}

/**
 * The description with `events` folded in, by clock and then by type; what its author may not do, or what would leave a
 * description that others refuse, is passed over.
 */
export function withEvents(
  description: CommunityDescription,
  events: readonly SignedCommunityEvent[],
  now: Milliseconds,
): CommunityDescription {
  const opened = events.map(open).filter((one) => one !== undefined)
  const inOrder = opened.toSorted(
    ({ event: a }, { event: b }) => Number(a.clock > b.clock) - Number(a.clock < b.clock) || a.type - b.type,
  )
  return inOrder.reduce((held, one) => {
    const next = isAllowed(held, one) ? folds[one.event.type]?.(held, one.event, now) : undefined
    return next === undefined || descriptionFault(next) !== undefined ? held : next
  }, description)
}
