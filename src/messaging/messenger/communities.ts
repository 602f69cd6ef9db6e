/**
 * Open communities: one is known by its key, says in a signed description who is in it and which channels it has, and
 * lets in whoever asks its control node. Everybody who has its id reads what is written there, and by whom.
 */
import type { Signed } from '../application/metadata.ts'
import type { PayloadName } from '../application/payloads.ts'
import { type Community, type JoinRequest, unknownCommunity } from '../communities/community.ts'
import { bannedOf, isPrivileged, postFault } from '../communities/members.ts'
import type { Powers } from '../conversation/claims.ts'
import { keyOrNone, type PublicKey } from '../keys.ts'
import type { Rows } from '../storage/rows.ts'
import { type Channel, communityChatChannel, communityChatId, communityControlChannel, communityId } from '../topics.ts'
import type { Engine, Turn } from './engine.ts'
import type { Handlers, HeardOf } from './handlers.ts'
import { type KeptCommunities, keyOf, partsOf } from './kept-communities.ts'

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

export class Communities {
  readonly #engine: Engine
  readonly #kept: KeptCommunities
  readonly #name: () => string

  constructor(engine: Engine, kept: KeptCommunities, name: () => string) {
    this.#engine = engine
    this.#kept = kept
    this.#name = name
  }

  readonly handlers: Handlers = {
    communityDescription: (turn, one) => this.#heardDescription(turn, one),
    communityRequestToJoinResponse: (turn, one) => this.#heardResponse(turn, one),
  }

  /** All that this device knows. */
  async list(): Promise<CommunityInfo[]> {
    const { database } = this.#engine
    const all: CommunityInfo[] = []
    for await (const community of this.#kept.all())
      all.push(this.#shown(community, (await this.#kept.secret(database, community.key)) !== undefined))
    return all
  }

  #shown(community: Community, isOurs: boolean): CommunityInfo {
    const { key, requests } = community
    const description = this.#kept.descriptionOf(community)
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
    for await (const community of this.#kept.all())
      this.#kept.listen(community, await this.#kept.secret(database, community.key))
  }

  /** Follows a community that somebody told us of: what it says of itself is looked for. */
  async follow({ rows }: Turn, id: string): Promise<void> {
    const key = keyOf(id)
    const community = (await this.#kept.find(rows, key)) ?? unknownCommunity(key)
    this.#kept.save(rows, community)
    this.#kept.listen(community, await this.#kept.secret(rows, key))
  }

  /** Asks a community to let us in. */
  async join(turn: Turn, id: string): Promise<void> {
    const key = keyOf(id)
    const community = (await this.#kept.find(turn.rows, key)) ?? unknownCommunity(key)
    // Unlike all others, this clock counts seconds.
    const clock = BigInt(Math.floor(turn.now / 1000))
    this.#kept.save(turn.rows, { ...community, askedAt: clock })
    const draft = { clock, communityId: key, displayName: this.#name() }
    await this.#ask(turn, key, this.#engine.sign('communityRequestToJoin', draft))
  }

  async leave(turn: Turn, id: string): Promise<void> {
    const key = keyOf(id)
    const clock = BigInt(Math.floor(turn.now / 1000))
    await this.#ask(turn, key, this.#engine.sign('communityRequestToLeave', { clock, communityId: key }))
    const community = await this.#kept.find(turn.rows, key)
    if (community !== undefined) await this.#kept.openChats(turn, { ...community, askedAt: 0n }, false)
  }

  async #ask(turn: Turn, key: PublicKey, signed: Signed): Promise<void> {
    await this.#engine.postPublic(turn, communityControlChannel(key), signed, key)
  }

  async #heardDescription(turn: Turn, { origin, body, message }: HeardOf<'communityDescription'>): Promise<void> {
    if (origin.place.kind !== 'community') return
    await this.#heardSigned(turn, origin.place.key, body, message.clock)
  }

  /** Takes a signed description, when it is later than the one that is kept. */
  async #heardSigned(turn: Turn, key: PublicKey, signed: Uint8Array, clock: bigint): Promise<void> {
    const community = await this.#kept.find(turn.rows, key)
    if (community === undefined) return
    const next = { ...community, signed: Uint8Array.from(signed) }
    const held = this.#kept.descriptionOf(community)
    if (this.#kept.descriptionOf(next) === undefined || (held !== undefined && held.clock >= clock)) return
    await this.#kept.take(turn, next, await this.#kept.secret(turn.rows, key))
  }

  async #heardResponse(turn: Turn, { message }: HeardOf<'communityRequestToJoinResponse'>): Promise<void> {
    const key = keyOrNone(message.communityId)
    const community = key && (await this.#kept.find(turn.rows, key))
    if (!community?.askedAt) return
    const told = this.#kept.descriptionOf({ ...community, signed: message.signedDescription })
    if (told !== undefined) await this.#heardSigned(turn, community.key, message.signedDescription, told.clock)
  }

  /** Where a channel's messages travel. */
  channelOf(chatId: string): Channel {
    const { key, uuid } = partsOf(chatId)
    return communityChatChannel(key, uuid)
  }

  /** Whether somebody may say this in a channel. */
  async maySay({ rows }: Pick<Turn, 'rows'>, chatId: string, from: string, name: PayloadName): Promise<boolean> {
    const { key, uuid } = partsOf(chatId)
    const community = await this.#kept.find(rows, key)
    const description = community && this.#kept.descriptionOf(community)
    return description !== undefined && postFault(description, from, uuid, name) === undefined
  }

  async powers(rows: Pick<Rows, 'get'>, chatId: string): Promise<Powers> {
    const community = await this.#kept.find(rows, partsOf(chatId).key)
    const description = community && this.#kept.descriptionOf(community)
    const mayDelete = (id: string) => description !== undefined && isPrivileged(description, id)
    const mayPin = (id: string) => mayDelete(id) || description?.adminSettings?.membersMayPin === true
    return { mayDelete, mayPin }
  }
}
