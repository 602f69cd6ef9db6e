/**
 * Communities that this device follows: one is known by its key, says in a signed description who is in it and which channels it
 * has, and lets in whoever asks its control node. Of an open one everybody who has its id reads what is written there, and by
 * whom; of an encrypted one its members do.
 */
import type { Signed } from '../application/metadata.ts'
import { type Community, type JoinRequest, unknownCommunity } from '../communities/community.ts'
import { isEncrypted, openDescription } from '../communities/description.ts'
import { bannedOf, isPrivileged, postFault } from '../communities/members.ts'
import { newRevealedAccount } from '../communities/revealed-account.ts'
import type { Powers } from '../conversation/claims.ts'
import { compress, keyOrNone, type PublicKey, sameBytes, userId } from '../keys.ts'
import type { Rows } from '../storage/rows.ts'
import { communityChatChannel, communityChatId, communityControlChannel, communityId } from '../topics.ts'
import type { CommunityKeys } from './community-keys.ts'
import type { Engine, Heard, Turn } from './engine.ts'
import type { Handlers, HeardOf } from './handlers.ts'
import { type KeptCommunities, keyOf, partsOf } from './kept-communities.ts'
import { cannotSend } from './refusal.ts'

const nothing = new Uint8Array(0)

/** A description as it came. */
interface Posted {
  readonly signed: Uint8Array
  readonly clock: bigint
  /** Who signed the envelope. */
  readonly poster: PublicKey | undefined
}

/** A community as it is shown. */
export interface CommunityInfo {
  readonly id: string
  readonly name: string
  readonly description: string
  /** We have its key. */
  readonly isOurs: boolean
  /** Members alone read what is said, who is in it, and which channels it has. */
  readonly isEncrypted: boolean
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

export interface CommunityParts {
  readonly engine: Engine
  readonly kept: KeptCommunities
  readonly keys: CommunityKeys
  /** What we call ourselves. */
  readonly name: () => string
}

export class Communities {
  readonly #engine: Engine
  readonly #kept: KeptCommunities
  readonly #keys: CommunityKeys
  readonly #name: () => string

  constructor({ engine, kept, keys, name }: CommunityParts) {
    this.#engine = engine
    this.#kept = kept
    this.#keys = keys
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
      isEncrypted: description !== undefined && isEncrypted(description),
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
    const clock = clockOfAsking(community, turn)
    this.#kept.save(turn.rows, { ...community, askedAt: clock })
    const revealedAccounts = [newRevealedAccount(this.#engine.me.chat.publicKey, key)]
    const draft = { clock, communityId: key, displayName: this.#name(), revealedAccounts }
    await this.#ask(turn, key, this.#engine.sign('communityRequestToJoin', draft))
  }

  async leave(turn: Turn, id: string): Promise<void> {
    const key = keyOf(id)
    const community = await this.#kept.find(turn.rows, key)
    const clock = clockOfAsking(community ?? unknownCommunity(key), turn)
    await this.#ask(turn, key, this.#engine.sign('communityRequestToLeave', { clock, communityId: key }))
    if (community !== undefined) await this.#kept.openChats(turn, { ...community, askedAt: 0n }, false)
  }

  async #ask(turn: Turn, key: PublicKey, signed: Signed): Promise<void> {
    await this.#engine.postPublic(turn, communityControlChannel(key), signed, key)
  }

  async #heardDescription(turn: Turn, { origin, body, message }: HeardOf<'communityDescription'>): Promise<void> {
    if (origin.place.kind !== 'community') return
    await this.#heardSigned(turn, origin.place.key, { signed: body, clock: message.clock, poster: origin.transport })
  }

  /** Takes a signed description, when it is later than the one that is kept, or says more. */
  async #heardSigned(turn: Turn, key: PublicKey, { signed, clock, poster }: Posted): Promise<void> {
    const community = await this.#kept.find(turn.rows, key)
    const held = community && this.#kept.descriptionOf(community)
    const told = openDescription(signed, key)
    if (community === undefined || typeof told === 'string' || (held !== undefined && held.clock > clock)) return
    const parts = await this.#keys.openParts(turn, key, told)
    const saysMore = typeof parts !== 'string' && community.opened.length === 0
    if (parts === 'unreadable' || (held?.clock === clock && !saysMore)) return
    const next = { ...community, signed: Uint8Array.from(signed), opened: typeof parts === 'string' ? nothing : parts }
    if (this.#kept.descriptionOf(next) === undefined) return
    if (isEncrypted(told) && parts === 'no key') {
      // Whoever posts it again may have left out the key, which the community brings to all who are in.
      const isWhole = poster !== undefined && sameBytes(compress(poster), community.key)
      if (!isWhole && (await this.#keys.hasAny(turn.rows, key))) return
      // We are not.
      await this.#keys.forget(turn.rows, community.key)
    }
    await this.#kept.take(turn, next, await this.#kept.secret(turn.rows, key))
  }

  async #heardResponse(turn: Turn, { origin, message }: HeardOf<'communityRequestToJoinResponse'>): Promise<void> {
    const key = keyOrNone(message.communityId)
    const community = key && (await this.#kept.find(turn.rows, key))
    if (!community?.askedAt) return
    const { signedDescription: signed } = message
    const told = openDescription(signed, community.key)
    if (typeof told === 'string') return
    await this.#heardSigned(turn, community.key, { signed, clock: told.clock, poster: origin.transport })
  }

  /** Says something in a channel. Throws `messaging/cannot-send`. */
  async post(turn: Turn, chatId: string, signed: Signed): Promise<void> {
    const { key, uuid } = partsOf(chatId)
    const channel = communityChatChannel(key, uuid)
    const community = await this.#kept.find(turn.rows, key)
    const description = community && this.#kept.descriptionOf(community)
    if (description === undefined || !isEncrypted(description))
      return await this.#engine.postPublic(turn, channel, signed)
    const sealed = await this.#keys.seal(turn, key, signed.body)
    if (sealed === undefined) throw cannotSend('the key of this community has not come')
    await this.#engine.postToGroup(turn, channel, sealed)
  }

  /** Whether somebody may say this in a channel. What is said in clear in an encrypted community is not said there. */
  async maySay({ rows }: Pick<Turn, 'rows'>, chatId: string, { author, believed, origin }: Heard): Promise<boolean> {
    const { key, uuid } = partsOf(chatId)
    const community = await this.#kept.find(rows, key)
    const description = community && this.#kept.descriptionOf(community)
    if (description === undefined || (isEncrypted(description) && origin.protection !== 'group key')) return false
    return postFault(description, userId(author), uuid, believed.payload.name) === undefined
  }

  /** Forgets keys that are past their time, and asks for those that did not come. */
  async tidy(turn: Turn): Promise<void> {
    for await (const { key } of this.#kept.all()) await this.#keys.tidy(turn, key)
  }

  async powers(rows: Pick<Rows, 'get'>, chatId: string): Promise<Powers> {
    const community = await this.#kept.find(rows, partsOf(chatId).key)
    const description = community && this.#kept.descriptionOf(community)
    const mayDelete = (id: string) => description !== undefined && isPrivileged(description, id)
    const mayPin = (id: string) => mayDelete(id) || description?.adminSettings?.membersMayPin === true
    return { mayDelete, mayPin }
  }
}

/** Unlike all others, this clock counts seconds; later than what we asked before in the same one, for the last word counts. */
function clockOfAsking({ askedAt }: Community, { now }: Turn): bigint {
  const seconds = BigInt(Math.floor(now / 1000))
  return askedAt >= seconds ? askedAt + 1n : seconds
}
