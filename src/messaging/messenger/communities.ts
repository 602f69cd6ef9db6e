/**
 * Open communities: one is known by its key, says in a signed description who is in it and which channels it has, and
 * lets in whoever asks its control node. Everybody who has its id reads what is written there, and by whom.
 */
import { randomUUID } from 'node:crypto'
import { Access, type CommunityDescription } from '../application/community.ts'
import { type Signed, signPayload } from '../application/metadata.ts'
import { type PayloadName, writePayload } from '../application/payloads.ts'
import { ApplicationType } from '../application/types.ts'
import { newChat } from '../chats/chat.ts'
import {
  type Community,
  decodeCommunity,
  descriptionOf,
  encodeCommunity,
  type JoinRequest,
  maxRequests,
  unknownCommunity,
  withHeard,
} from '../communities/community.ts'
import {
  type Looks,
  newCommunity,
  signDescription,
  withBan,
  withChannel,
  withMember,
  withoutBan,
  withoutChannel,
  withoutMember,
} from '../communities/description.ts'
import { bannedOf, isPrivileged, postFault, requestVerdict } from '../communities/members.ts'
import type { Powers } from '../conversation/claims.ts'
import {
  compress,
  compressedKey,
  compressedKeyBytes,
  KeyPair,
  keyOfUser,
  type PublicKey,
  sameBytes,
  userId,
} from '../keys.ts'
import type { Rows } from '../storage/rows.ts'
import {
  type Channel,
  communityChannel,
  communityChatChannel,
  communityChatId,
  communityControlChannel,
  communityId,
  partitionedChannel,
} from '../topics.ts'
import type { Engine, Turn } from './engine.ts'
import type { Handlers, HeardOf } from './handlers.ts'
import { cannotSend } from './refusal.ts'

/** A community as it is shown. */
export interface CommunityInfo {
  readonly id: string
  readonly name: string
  readonly description: string
  /** We have its key. */
  readonly isOurs: boolean
  /** It has let us in. */
  readonly isMember: boolean
  readonly members: readonly string[]
  /** Whom it lets in no more. */
  readonly banned: readonly string[]
  /** Each a chat. */
  readonly channels: readonly { readonly id: string; readonly name: string }[]
  /** Of one of ours that lets nobody in unseen: who waits. */
  readonly requests: readonly JoinRequest[]
}

export interface NewCommunityOptions extends Looks {
  /** Each who asks is looked at; else all are let in. */
  readonly isGuarded?: boolean
}

/** The name of a channel's chat in a message: the id of the community, and the channel's. */
const idDigits = 2 + 2 * compressedKeyBytes

const firstChannel = 'general'

/** Communities whose descriptions are kept as they were read. */
const maxDescriptions = 64

type Change = (description: CommunityDescription, now: number) => CommunityDescription

export class Communities {
  readonly #engine: Engine
  readonly #name: () => string
  readonly #descriptions = new Map<
    string,
    { readonly signed: Uint8Array; readonly description: CommunityDescription }
  >()

  constructor(engine: Engine, name: () => string) {
    this.#engine = engine
    this.#name = name
  }

  readonly handlers: Handlers = {
    communityDescription: (turn, one) => this.#heardDescription(turn, one),
    communityRequestToJoin: (turn, one) => this.#heardRequest(turn, one),
    communityRequestToLeave: (turn, one) => this.#heardLeaving(turn, one),
    communityRequestToJoinResponse: (turn, one) => this.#heardResponse(turn, one),
  }

  /** What a community says of itself. Its signature is looked at once, not for each message. */
  #descriptionOf(community: Community): CommunityDescription | undefined {
    const id = communityId(community.key)
    const known = this.#descriptions.get(id)
    if (known !== undefined && sameBytes(known.signed, community.signed)) return known.description
    const description = descriptionOf(community)
    this.#descriptions.delete(id)
    if (description !== undefined) this.#descriptions.set(id, { signed: community.signed, description })
    const [oldest] = this.#descriptions.keys()
    if (this.#descriptions.size > maxDescriptions && oldest !== undefined) this.#descriptions.delete(oldest)
    return description
  }

  #row(key: PublicKey): string {
    return `community/${this.#engine.database.tag(communityId(key))}`
  }

  /** A community that somebody else reads with us must not give away who has its key. */
  #secretRow(key: PublicKey): string {
    return `secret/community/${this.#engine.database.tag(communityId(key))}`
  }

  async #find(rows: Pick<Rows, 'get'>, key: PublicKey): Promise<Community | undefined> {
    const stored = await rows.get(this.#row(key))
    return stored && decodeCommunity(stored)
  }

  async #secret(rows: Pick<Rows, 'get'>, key: PublicKey): Promise<KeyPair | undefined> {
    const stored = await rows.get(this.#secretRow(key))
    return stored && KeyPair.fromSecret(stored)
  }

  #save(rows: Rows, community: Community): void {
    rows.put(this.#row(community.key), encodeCommunity(community))
  }

  /** All that this device knows. */
  async list(): Promise<CommunityInfo[]> {
    const { database } = this.#engine
    const all: CommunityInfo[] = []
    for await (const { value } of database.scan({ prefix: 'community/' })) {
      const community = decodeCommunity(value)
      all.push(this.#shown(community, (await this.#secret(database, community.key)) !== undefined))
    }
    return all
  }

  #shown(community: Community, isOurs: boolean): CommunityInfo {
    const { key, requests } = community
    const description = this.#descriptionOf(community)
    return {
      id: communityId(key),
      name: description?.identity?.displayName ?? '',
      description: description?.identity?.description ?? '',
      isOurs,
      isMember: description?.members.has(this.#engine.me.id) ?? false,
      members: [...(description?.members.keys() ?? [])],
      banned: description === undefined ? [] : bannedOf(description),
      channels: [...(description?.chats ?? [])].map(([uuid, { identity }]) => ({
        id: communityChatId(key, uuid),
        name: identity?.displayName ?? '',
      })),
      requests,
    }
  }

  /** At the start: listens on what this device follows. */
  async resume(): Promise<void> {
    const { database } = this.#engine
    for await (const { value } of database.scan({ prefix: 'community/' })) {
      const community = decodeCommunity(value)
      this.#listen(community, await this.#secret(database, community.key))
    }
  }

  #listen(community: Community, secret: KeyPair | undefined): void {
    const { key } = community
    const place = { kind: 'community', id: communityId(key), key } as const
    const chats = [...(this.#descriptionOf(community)?.chats.keys() ?? [])].map((uuid) =>
      communityChatChannel(key, uuid),
    )
    for (const channel of [communityChannel(key), ...chats]) this.#engine.listen({ channel, place })
    if (secret === undefined) return
    const control = { kind: 'community control', id: communityId(key) } as const
    this.#engine.listen({ channel: communityControlChannel(key), place: control, keys: secret })
  }

  /** Begins a community of ours with one channel. Returns its id. */
  async create(turn: Turn, { isGuarded = false, ...looks }: NewCommunityOptions): Promise<string> {
    const pair = KeyPair.generate()
    const access = isGuarded ? Access.manualAccept : Access.autoAccept
    const owner = this.#engine.me.chat.publicKey
    const made = newCommunity({ key: pair.publicKey, owner, access, ...looks }, turn.now)
    const description = withChannel(made, randomUUID(), { name: firstChannel }, turn.now)
    turn.rows.put(this.#secretRow(pair.publicKey), pair.secretBytes())
    await this.#publish(turn, unknownCommunity(pair.publicKey), description, pair)
    return description.id
  }

  /** Follows a community that somebody told us of: what it says of itself is looked for. */
  async follow({ rows }: Turn, id: string): Promise<void> {
    const key = keyOf(id)
    const community = (await this.#find(rows, key)) ?? unknownCommunity(key)
    this.#save(rows, community)
    this.#listen(community, await this.#secret(rows, key))
  }

  /** Asks a community to let us in. */
  async join(turn: Turn, id: string): Promise<void> {
    const key = keyOf(id)
    const community = (await this.#find(turn.rows, key)) ?? unknownCommunity(key)
    // Unlike all others, this clock counts seconds.
    const clock = BigInt(Math.floor(turn.now / 1000))
    this.#save(turn.rows, { ...community, askedAt: clock })
    const draft = { clock, communityId: key, displayName: this.#name() }
    await this.#ask(turn, key, this.#engine.sign('communityRequestToJoin', draft))
  }

  async leave(turn: Turn, id: string): Promise<void> {
    const key = keyOf(id)
    const clock = BigInt(Math.floor(turn.now / 1000))
    await this.#ask(turn, key, this.#engine.sign('communityRequestToLeave', { clock, communityId: key }))
    const community = await this.#find(turn.rows, key)
    if (community !== undefined) await this.#openChats(turn, { ...community, askedAt: 0n }, false)
  }

  async #ask(turn: Turn, key: PublicKey, signed: Signed): Promise<void> {
    await this.#engine.postPublic(turn, communityControlChannel(key), signed, key)
  }

  async addChannel(turn: Turn, id: string, name: string): Promise<string> {
    const uuid = randomUUID()
    await this.#change(turn, id, (description, now) => withChannel(description, uuid, { name }, now))
    return communityChatId(keyOf(id), uuid)
  }

  async removeChannel(turn: Turn, id: string, chat: string): Promise<void> {
    await this.#change(turn, id, (description, now) => withoutChannel(description, chat.slice(idDigits), now))
  }

  /** Puts a member out, who may ask again. */
  async kick(turn: Turn, id: string, member: string): Promise<void> {
    await this.#change(turn, id, (description, now) => withoutMember(description, member, now))
  }

  /** Puts somebody out for good, or no more. */
  async ban(turn: Turn, id: string, member: string, isBanned: boolean): Promise<void> {
    const change = isBanned ? withBan : withoutBan
    await this.#change(turn, id, (description, now) => change(description, member, now))
  }

  /** Answers somebody who asked to be let in. */
  async answer(turn: Turn, id: string, member: string, isAccepted: boolean): Promise<void> {
    const { community, description, pair } = await this.#ours(turn, id)
    const requests = community.requests.filter((one) => one.id !== member)
    if (requests.length === community.requests.length) throw cannotSend('this person does not ask to be let in')
    await this.#let(turn, { community: { ...community, requests }, description, pair }, member, isAccepted)
  }

  async #let(turn: Turn, { community, description, pair }: Ours, member: string, isAccepted: boolean): Promise<void> {
    const next = isAccepted ? withMember(description, member, turn.now) : description
    if (isAccepted) await this.#publish(turn, community, next, pair)
    else this.#save(turn.rows, community)
    const body = writePayload('communityRequestToJoinResponse', {
      clock: BigInt(Math.floor(turn.now / 1000)),
      accepted: isAccepted,
      communityId: pair.publicKey,
      signedDescription: signDescription(next, pair).body,
    })
    const signed = signPayload(ApplicationType.communityRequestToJoinResponse, body, pair)
    await this.#engine.postAs(turn, pair, partitionedChannel(keyOfUser(member)), signed.body, keyOfUser(member))
  }

  async #ours({ rows }: Turn, id: string): Promise<Ours> {
    const key = keyOf(id)
    const pair = await this.#secret(rows, key)
    const community = await this.#find(rows, key)
    const description = community && this.#descriptionOf(community)
    if (community === undefined || pair === undefined || description === undefined)
      throw cannotSend('this community is not ours')
    return { community, description, pair }
  }

  /** Our community, of which somebody asks something for the first time. */
  async #asked(turn: Turn, key: PublicKey, id: string, clock: bigint): Promise<Ours | undefined> {
    const ours = await this.#ours(turn, communityId(key)).catch(() => undefined)
    const community = ours && withHeard(ours.community, id, clock)
    return community && { ...ours, community }
  }

  async #change(turn: Turn, id: string, change: Change): Promise<void> {
    const { community, description, pair } = await this.#ours(turn, id)
    await this.#publish(turn, community, change(description, turn.now), pair)
  }

  /** Keeps what a community of ours now is, and tells everybody. */
  async #publish(turn: Turn, community: Community, description: CommunityDescription, pair: KeyPair): Promise<void> {
    const { body } = signDescription(description, pair)
    const next = { ...community, signed: body }
    if (this.#descriptionOf(next) === undefined)
      throw cannotSend('others would refuse what the community says of itself')
    await this.#take(turn, next, pair)
    await this.#engine.postPublicAs(turn, pair, communityChannel(pair.publicKey), body)
  }

  /** Tells everybody again: stores forget. */
  async republish(turn: Turn): Promise<void> {
    for await (const { value } of this.#engine.database.scan({ prefix: 'community/' })) {
      const { key, signed } = decodeCommunity(value)
      const pair = await this.#secret(turn.rows, key)
      if (pair !== undefined) await this.#engine.postPublicAs(turn, pair, communityChannel(key), signed)
    }
  }

  async #take(turn: Turn, community: Community, pair: KeyPair | undefined): Promise<void> {
    this.#listen(community, pair)
    await this.#openChats(turn, community, this.#descriptionOf(community)?.members.has(this.#engine.me.id) ?? false)
  }

  /** Keeps a community with its channels as chats; in them we are as long as we are members. */
  async #openChats(turn: Turn, community: Community, isMember: boolean): Promise<void> {
    const { rows, news } = turn
    const { key } = community
    const chats = this.#descriptionOf(community)?.chats ?? new Map()
    const before = await this.#find(rows, key)
    const gone = [...((before && this.#descriptionOf(before))?.chats.keys() ?? [])].filter((uuid) => !chats.has(uuid))
    for (const uuid of gone) await this.#closeChat(rows, key, uuid)
    this.#save(rows, community)
    for (const [uuid, { identity }] of chats) {
      const id = communityChatId(key, uuid)
      const chat = (await this.#engine.chats.find(rows, id)) ?? newChat(id, 'channel', '')
      this.#engine.chats.save(rows, { ...chat, name: identity?.displayName ?? chat.name, isOpen: isMember })
    }
    news.push({ kind: 'community', community: communityId(key) })
  }

  /** A channel was taken away: what was said in it stays, and where nothing was, nothing does. */
  async #closeChat(rows: Rows, key: PublicKey, uuid: string): Promise<void> {
    const id = communityChatId(key, uuid)
    this.#engine.channels.remove(communityChatChannel(key, uuid))
    const chat = await this.#engine.chats.find(rows, id)
    if (chat === undefined) return
    if (chat.lastAt === 0) this.#engine.chats.remove(rows, id)
    else this.#engine.chats.save(rows, { ...chat, isOpen: false })
  }

  async #heardDescription(turn: Turn, { origin, body, message }: HeardOf<'communityDescription'>): Promise<void> {
    if (origin.place.kind !== 'community') return
    await this.#heardSigned(turn, origin.place.key, body, message.clock)
  }

  /** Takes a signed description, when it is later than the one that is kept. */
  async #heardSigned(turn: Turn, key: PublicKey, signed: Uint8Array, clock: bigint): Promise<void> {
    const community = await this.#find(turn.rows, key)
    if (community === undefined) return
    const next = { ...community, signed: Uint8Array.from(signed) }
    const held = this.#descriptionOf(community)
    if (this.#descriptionOf(next) === undefined || (held !== undefined && held.clock >= clock)) return
    await this.#take(turn, next, await this.#secret(turn.rows, key))
  }

  async #heardResponse(turn: Turn, { message }: HeardOf<'communityRequestToJoinResponse'>): Promise<void> {
    const key = keyOrNone(message.communityId)
    const community = key && (await this.#find(turn.rows, key))
    if (!community?.askedAt) return
    const told = this.#descriptionOf({ ...community, signed: message.signedDescription })
    if (told !== undefined) await this.#heardSigned(turn, community.key, message.signedDescription, told.clock)
  }

  async #heardRequest(turn: Turn, { author, message }: HeardOf<'communityRequestToJoin'>): Promise<void> {
    const key = keyOrNone(message.communityId)
    const ours = key && (await this.#asked(turn, key, userId(author), message.clock))
    if (ours === undefined) return
    const id = userId(author)
    const verdict = requestVerdict(ours.description, id, message, turn.now)
    if (verdict === 'accept') return await this.#let(turn, ours, id, true)
    if (verdict !== 'ask' || ours.community.requests.length >= maxRequests) return this.#save(turn.rows, ours.community)
    const others = ours.community.requests.filter((one) => one.id !== id)
    this.#save(turn.rows, { ...ours.community, requests: [...others, { id, name: message.displayName }] })
    turn.news.push({ kind: 'community', community: communityId(ours.pair.publicKey) })
  }

  async #heardLeaving(turn: Turn, { author, message }: HeardOf<'communityRequestToLeave'>): Promise<void> {
    const key = keyOrNone(message.communityId)
    const id = userId(author)
    const ours = key && (await this.#asked(turn, key, id, message.clock))
    if (ours?.description.members.has(id) !== true || id === this.#engine.me.id) return
    await this.#publish(turn, ours.community, withoutMember(ours.description, id, turn.now), ours.pair)
  }

  /** Where a channel's messages travel. */
  channelOf(chatId: string): Channel {
    return communityChatChannel(keyOf(chatId.slice(0, idDigits)), chatId.slice(idDigits))
  }

  /** Whether somebody may say this in a channel. */
  async maySay({ rows }: Pick<Turn, 'rows'>, chatId: string, from: string, name: PayloadName): Promise<boolean> {
    const community = await this.#find(rows, keyOf(chatId.slice(0, idDigits)))
    const description = community && this.#descriptionOf(community)
    return description !== undefined && postFault(description, from, chatId.slice(idDigits), name) === undefined
  }

  async powers(rows: Pick<Rows, 'get'>, chatId: string): Promise<Powers> {
    const community = await this.#find(rows, keyOf(chatId.slice(0, idDigits)))
    const description = community && this.#descriptionOf(community)
    const mayDelete = (id: string) => description !== undefined && isPrivileged(description, id)
    const mayPin = (id: string) => mayDelete(id) || description?.adminSettings?.membersMayPin === true
    return { mayDelete, mayPin }
  }
}

interface Ours {
  readonly community: Community
  readonly description: CommunityDescription
  readonly pair: KeyPair
}

/** The key that the id of a community is made of. Throws `key/invalid`. */
function keyOf(id: string) {
  return compress(keyOfUser(id))
}

function keyOrNone(bytes: Uint8Array) {
  try {
    return compressedKey(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}
