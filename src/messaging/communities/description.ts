/**
 * The description of a community: who is in it, who is not, and its channels. It is one signed message, made anew with
 * each change by whoever has the community's key (the control node), and the one with the latest clock counts.
 *
 * Changes here return another description and leave the one given as it was.
 */
import type { Milliseconds } from '../../core/time.ts'
import {
  Access,
  ChannelRole,
  type CommunityDescription,
  type CommunityMember,
  communityDescription,
  Role,
} from '../application/community.ts'
import { chatIdentity } from '../application/contact.ts'
import { openPayload, type Signed, signPayload } from '../application/metadata.ts'
import { ApplicationType } from '../application/types.ts'
import { type KeyPair, type PublicKey, sameBytes, uncompress, userId } from '../keys.ts'
import { communityChatId, communityId } from '../topics.ts'

type Channel = CommunityDescription['chats'] extends ReadonlyMap<string, infer Value> ? Value : never
type Identity = NonNullable<Channel['identity']>

/** What people see of a community or a channel. */
export interface Looks {
  readonly name: string
  readonly description?: string
  readonly color?: string
  readonly emoji?: string
}

export interface NewCommunity extends Looks {
  readonly key: PublicKey
  /** The one who has the community's key, as a member. */
  readonly owner: PublicKey
  /** Whether whoever asks is let in, or each is looked at. */
  readonly access?: (typeof Access)['autoAccept' | 'manualAccept']
  /** Whether what is said is for members alone. */
  readonly isEncrypted?: boolean
}

const nothing = new Uint8Array(0)

const blankIdentity: Identity = chatIdentity.decode(nothing)

function identityOf({ name, ...looks }: Looks, clock: bigint, before = blankIdentity): Identity {
  return { ...before, ...looks, displayName: name, clock }
}

function member(roles: readonly number[], clock: bigint): CommunityMember {
  return { roles, revealedAccounts: [], lastUpdateClock: clock, channelRole: ChannelRole.poster }
}

export function newCommunity(
  { key, owner, access = Access.autoAccept, isEncrypted = false, ...looks }: NewCommunity,
  now: Milliseconds,
): CommunityDescription {
  const clock = BigInt(Math.floor(now))
  return {
    ...communityDescription.decode(nothing),
    clock,
    id: communityId(key),
    permissions: { ensOnly: false, private: false, access },
    adminSettings: { membersMayPin: false },
    encrypted: isEncrypted,
    identity: identityOf(looks, clock),
    members: new Map([[userId(owner), member([Role.owner], clock)]]),
  }
}

/** The clock of a change: the time, or later than the one before. */
function clockOfChange({ clock }: CommunityDescription, now: Milliseconds): bigint {
  const time = BigInt(Math.floor(now))
  return clock < time ? time : clock + 1n
}

type Change = Partial<CommunityDescription>

function changed(description: CommunityDescription, now: Milliseconds, change: Change): CommunityDescription {
  return { ...description, ...change, clock: clockOfChange(description, now) }
}

function withEntry<Value>(entries: ReadonlyMap<string, Value>, key: string, value: Value): Map<string, Value> {
  return new Map(entries).set(key, value)
}

function without<Value>(entries: ReadonlyMap<string, Value>, key: string): Map<string, Value> {
  const left = new Map(entries)
  left.delete(key)
  return left
}

/** The channels, `change` made to the members of each. */
function inChannels(
  { chats }: CommunityDescription,
  change: (members: Channel['members']) => Channel['members'],
): CommunityDescription['chats'] {
  return new Map([...chats].map(([uuid, chat]) => [uuid, { ...chat, members: change(chat.members) }]))
}

/** Lets somebody in, to every channel that needs no token. Somebody who is in stays as he is. */
export function withMember(description: CommunityDescription, id: string, now: Milliseconds): CommunityDescription {
  if (description.members.has(id)) return description
  const newcomer = member([], clockOfChange(description, now))
  const members = withEntry(description.members, id, newcomer)
  return hydrated(changed(description, now, { members }))
}

export function withoutMember(description: CommunityDescription, id: string, now: Milliseconds): CommunityDescription {
  const members = without(description.members, id)
  return changed(description, now, { members, chats: inChannels(description, (some) => without(some, id)) })
}

/** Puts somebody out for good. Told in both fields: older peers read the first. */
export function withBan(description: CommunityDescription, id: string, now: Milliseconds): CommunityDescription {
  const banList = [...description.banList.filter((one) => one !== id), id]
  const bannedMembers = withEntry(description.bannedMembers, id, { deleteAllMessages: false })
  return { ...withoutMember(description, id, now), banList, bannedMembers }
}

export function withoutBan(description: CommunityDescription, id: string, now: Milliseconds): CommunityDescription {
  const banList = description.banList.filter((one) => one !== id)
  return changed(description, now, { banList, bannedMembers: without(description.bannedMembers, id) })
}

/** Adds a channel, last in its place, or gives one that is there other looks. */
export function withChannel(
  description: CommunityDescription,
  uuid: string,
  looks: Looks,
  now: Milliseconds,
): CommunityDescription {
  const known = description.chats.get(uuid)
  const identity = identityOf(looks, clockOfChange(description, now), known?.identity)
  const chat: Channel = known
    ? { ...known, identity }
    : {
        members: description.members,
        permissions: { ensOnly: false, private: false, access: Access.autoAccept },
        identity,
        categoryId: '',
        position: [...description.chats.values()].filter(({ categoryId }) => categoryId === '').length,
        viewersCanPostReactions: true,
        hideIfPermissionsNotMet: false,
        membersList: undefined,
      }
  return changed(description, now, { chats: withEntry(description.chats, uuid, chat) })
}

/** Adds or replaces a channel as an admin describes it; its members are the community's unless it needs a token. */
export function withChannelAs(
  description: CommunityDescription,
  uuid: string,
  channel: Channel,
  now: Milliseconds,
): CommunityDescription {
  const { members = new Map() } = description.chats.get(uuid) ?? {}
  const chats = withEntry(description.chats, uuid, { ...channel, members })
  return hydrated(changed(description, now, { chats }))
}

/** What may be said anew of a community as a whole. */
type Edited = Pick<
  CommunityDescription,
  'identity' | 'permissions' | 'adminSettings' | 'introMessage' | 'outroMessage' | 'tags'
>

export function withEdit(description: CommunityDescription, edited: Edited, now: Milliseconds): CommunityDescription {
  const { identity, permissions, adminSettings, introMessage, outroMessage, tags } = edited
  return changed(description, now, { identity, permissions, adminSettings, introMessage, outroMessage, tags })
}

export function withoutChannel(
  description: CommunityDescription,
  uuid: string,
  now: Milliseconds,
): CommunityDescription {
  return changed(description, now, { chats: without(description.chats, uuid) })
}

/** Ids of the channels whose members are told one by one: those who hold a token. All others have the community's. */
function gatedChats({ tokenPermissions }: CommunityDescription): ReadonlySet<string> {
  return new Set([...tokenPermissions.values()].flatMap(({ chatIds }) => chatIds))
}

/** Gives the channels that need no token these members. */
function withOpenMembers(description: CommunityDescription, members: Channel['members']): CommunityDescription {
  const gated = gatedChats(description)
  const chats = [...description.chats].map(([uuid, chat]): [string, Channel] => {
    return [uuid, gated.has(description.id + uuid) ? chat : { ...chat, members }]
  })
  return { ...description, chats: new Map(chats) }
}

/** The description with the members of open channels, which are left out on the wire. */
function hydrated(description: CommunityDescription): CommunityDescription {
  return withOpenMembers(description, description.members)
}

function dehydrated(description: CommunityDescription): CommunityDescription {
  return withOpenMembers(description, new Map())
}

/** What is said in a community goes to its members alone: it says so, or wants a token of each (status-go's rule). */
export function isEncrypted({ encrypted, tokenPermissions }: CommunityDescription): boolean {
  return encrypted || [...tokenPermissions.values()].some(({ type }) => type === becomeMember)
}

/** The type of a permission that lets people in. */
const becomeMember = 2

const noPrivateParts = { members: new Map(), chats: new Map(), categories: new Map(), activeMembersCount: 0n } as const

/** What of an encrypted community's description its members alone read. */
export function privateParts(description: CommunityDescription): Uint8Array {
  const { members, chats, categories, activeMembersCount } = dehydrated(description)
  const blank = communityDescription.decode(nothing)
  return communityDescription.encode({ ...blank, members, chats, categories, activeMembersCount })
}

/** With the parts that were under a group key, in place of those left out; undefined where they are none. */
function withPrivateParts(description: CommunityDescription, parts: Uint8Array): CommunityDescription | undefined {
  const told = communityDescription.parse(parts)
  if (told === undefined) return undefined
  const members = new Map([...description.members, ...told.members])
  const chats = new Map([...told.chats, ...description.chats])
  const categories = new Map([...description.categories, ...told.categories])
  return { ...description, members, chats, categories, activeMembersCount: told.activeMembersCount }
}

/** The private parts under a key of the group, by the name of that key (`sealed-parts.ts`). */
export type SealedParts = readonly [name: string, bytes: Uint8Array]

/**
 * The description as it is published, signed by the community. `sealed`: its private parts, which are left out of
 * what everybody reads.
 */
export function signDescription(description: CommunityDescription, community: KeyPair, sealed?: SealedParts): Signed {
  const open = sealed ? { ...description, ...noPrivateParts, privateData: new Map([sealed]) } : dehydrated(description)
  return signPayload(ApplicationType.communityDescription, communityDescription.encode(open), community)
}

export type DescriptionFault =
  | 'malformed'
  | 'not signed'
  | 'not the community'
  | 'no permissions'
  | 'no identity'
  | 'unnamed category'
  | 'unknown category'
  | 'stranger in a channel'

/**
 * Reads what `signDescription` made, by the community of that key; a reason when it is not to be believed. `parts`: the private
 * ones, where they were opened.
 */
export function openDescription(
  body: Uint8Array,
  community: PublicKey,
  parts: Uint8Array = nothing,
): CommunityDescription | DescriptionFault {
  const opened = openPayload(body)
  if (typeof opened === 'string') return opened
  if (opened.type !== ApplicationType.communityDescription) return 'malformed'
  const description = communityDescription.parse(opened.payload)
  if (description === undefined) return 'malformed'
  const isOwn = sameBytes(opened.signer, uncompress(community))
  // Before descriptions said whose they are, the signer did.
  const names = description.id === '' || description.id === communityId(community)
  if (!isOwn || !names) return 'not the community'
  const told = { ...description, id: communityId(community) }
  const whole = parts.length === 0 ? told : withPrivateParts(told, parts)
  return whole === undefined ? 'malformed' : (descriptionFault(whole) ?? hydrated(whole))
}

/** What status-go demands of a description. */
export function descriptionFault(description: CommunityDescription): DescriptionFault | undefined {
  if (!description.permissions?.access) return 'no permissions'
  for (const { categoryId, name } of description.categories.values())
    if (categoryId === '' || name === '') return 'unnamed category'
  for (const chat of description.chats.values()) {
    const fault = channelFault(description, chat)
    if (fault !== undefined) return fault
  }
  return undefined
}

function channelFault({ categories, members }: CommunityDescription, chat: Channel): DescriptionFault | undefined {
  if (!chat.permissions?.access) return 'no permissions'
  if (chat.categoryId !== '' && !categories.has(chat.categoryId)) return 'unknown category'
  if (chat.identity === undefined) return 'no identity'
  return [...chat.members.keys()].every((id) => members.has(id)) ? undefined : 'stranger in a channel'
}

/** The later of two descriptions of one community: of the same clock the one received, whose parts may open now. */
export function laterDescription(held: CommunityDescription, received: CommunityDescription): CommunityDescription {
  return received.clock < held.clock ? held : received
}

/** The ids under which the channels' messages are filed. */
export function chatIdsOf(description: CommunityDescription, community: PublicKey): string[] {
  return [...description.chats.keys()].map((uuid) => communityChatId(community, uuid))
}
