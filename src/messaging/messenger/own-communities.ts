/** Communities of ours: this device has their key, says who is in them, and answers who asks. */
import { randomUUID } from 'node:crypto'
import { RecentSet } from '../../core/recent-set.ts'
import { Access, type CommunityDescription } from '../application/community.ts'
import { signPayload } from '../application/metadata.ts'
import { writePayload } from '../application/payloads.ts'
import { ApplicationType } from '../application/types.ts'
import { type Community, maxRequests, unknownCommunity, withHeard } from '../communities/community.ts'
import {
  isEncrypted,
  type Looks,
  newCommunity,
  privateParts,
  signDescription,
  withBan,
  withChannel,
  withMember,
  withoutBan,
  withoutChannel,
  withoutMember,
} from '../communities/description.ts'
import { requestVerdict } from '../communities/members.ts'
import { headerWithRekey } from '../encryption/group-exchange.ts'
import { KeyPair, keyOfUser, keyOrNone, type PublicKey, userId } from '../keys.ts'
import { communityChannel, communityChatId, communityId, partitionedChannel } from '../topics.ts'
import type { CommunityKeys } from './community-keys.ts'
import type { Engine, Turn } from './engine.ts'
import type { Handlers, HeardOf } from './handlers.ts'
import { type KeptCommunities, keyOf, partsOf } from './kept-communities.ts'
import { cannotSend } from './refusal.ts'

export interface NewCommunityOptions extends Looks {
  /** Each who asks is looked at; else all are let in. */
  readonly isGuarded?: boolean
  /** What is said is for members alone; else whoever has the id reads it. */
  readonly isEncrypted?: boolean
}

const firstChannel = 'general'

/** How long a member who asks for the key is not answered again, and how many are remembered. */
const answered = { lifetime: 10 * 60 * 1000, most: 10_000 } as const

type Change = (description: CommunityDescription, now: number) => CommunityDescription

interface Ours {
  readonly community: Community
  readonly description: CommunityDescription
  readonly pair: KeyPair
}

export interface OwnCommunityParts {
  readonly engine: Engine
  readonly kept: KeptCommunities
  readonly keys: CommunityKeys
}

export class OwnCommunities {
  readonly #engine: Engine
  readonly #kept: KeptCommunities
  readonly #keys: CommunityKeys
  readonly #answered: RecentSet<string>

  constructor({ engine, kept, keys }: OwnCommunityParts) {
    this.#engine = engine
    this.#kept = kept
    this.#keys = keys
    this.#answered = new RecentSet({ ...answered, clock: engine.clock })
  }

  readonly handlers: Handlers = {
    communityRequestToJoin: (turn, one) => this.#heardRequest(turn, one),
    communityRequestToLeave: (turn, one) => this.#heardLeaving(turn, one),
    communityEncryptionKeysRequest: (turn, one) => this.#heardKeysRequest(turn, one),
  }

  /** Begins a community of ours with one channel. Returns its id. */
  async create(turn: Turn, { isGuarded = false, ...rest }: NewCommunityOptions): Promise<string> {
    const pair = KeyPair.generate()
    const access = isGuarded ? Access.manualAccept : Access.autoAccept
    const owner = this.#engine.me.chat.publicKey
    const made = newCommunity({ key: pair.publicKey, owner, access, ...rest }, turn.now)
    const description = withChannel(made, randomUUID(), { name: firstChannel }, turn.now)
    this.#kept.saveSecret(turn.rows, pair)
    await this.#publish(turn, { community: unknownCommunity(pair.publicKey), description, pair })
    return description.id
  }

  async addChannel(turn: Turn, id: string, name: string): Promise<string> {
    const uuid = randomUUID()
    await this.#change(turn, id, (description, now) => withChannel(description, uuid, { name }, now))
    return communityChatId(keyOf(id), uuid)
  }

  async removeChannel(turn: Turn, id: string, chat: string): Promise<void> {
    await this.#change(turn, id, (description, now) => withoutChannel(description, partsOf(chat).uuid, now))
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
    const ours = await this.#ours(turn, id)
    const requests = ours.community.requests.filter((one) => one.id !== member)
    if (requests.length === ours.community.requests.length) throw cannotSend('this person does not ask to be let in')
    await this.#let(turn, { ...ours, community: { ...ours.community, requests } }, member, isAccepted)
  }

  async #let(turn: Turn, ours: Ours, member: string, isAccepted: boolean): Promise<void> {
    const { community, description } = ours
    if (!isAccepted) this.#kept.save(turn.rows, community)
    const next = { ...ours, description: withMember(description, member, turn.now) }
    const told = isAccepted ? await this.#publish(turn, next) : community
    await this.#respond(turn, { ...ours, community: told }, member, isAccepted)
  }

  /** Tells somebody whether he is in, what the community says of itself, and the key where he is to have it. */
  async #respond(turn: Turn, { community, pair }: Ours, member: string, isAccepted: boolean): Promise<void> {
    const body = writePayload('communityRequestToJoinResponse', {
      clock: BigInt(Math.floor(turn.now / 1000)),
      accepted: isAccepted,
      communityId: pair.publicKey,
      signedDescription: community.signed,
    })
    const { body: payload } = signPayload(ApplicationType.communityRequestToJoinResponse, body, pair)
    const recipient = keyOfUser(member)
    const channel = partitionedChannel(recipient)
    const key = isAccepted ? await this.#keys.own(turn.rows, pair.publicKey) : undefined
    if (key === undefined) return await this.#engine.postAs(turn, pair, channel, payload, recipient)
    const header = headerWithRekey(pair, [recipient], key)
    await this.#engine.postGroupKeyAs(turn, pair, channel, { header, payload, recipient })
  }

  async #find({ rows }: Turn, key: PublicKey): Promise<Ours | undefined> {
    const pair = await this.#kept.secret(rows, key)
    const community = await this.#kept.find(rows, key)
    const description = community && this.#kept.descriptionOf(community)
    return community && description && pair && { community, description, pair }
  }

  /** Throws `messaging/cannot-send`. */
  async #ours(turn: Turn, id: string): Promise<Ours> {
    const ours = await this.#find(turn, keyOf(id))
    if (ours === undefined) throw cannotSend('this community is not ours')
    return ours
  }

  /** Our community, of which somebody asks something for the first time. */
  async #asked(turn: Turn, key: PublicKey, id: string, clock: bigint): Promise<Ours | undefined> {
    const ours = await this.#find(turn, key)
    const community = ours && withHeard(ours.community, id, clock)
    return community && { ...ours, community }
  }

  async #change(turn: Turn, id: string, change: Change): Promise<void> {
    const ours = await this.#ours(turn, id)
    await this.#publish(turn, { ...ours, description: change(ours.description, turn.now) })
  }

  /** Keeps what a community of ours now is, and tells everybody. */
  async #publish(turn: Turn, { community, description, pair }: Ours): Promise<Community> {
    if (isEncrypted(description)) return await this.#publishEncrypted(turn, { community, description, pair })
    const next = { ...community, signed: signDescription(description, pair).body }
    await this.#keep(turn, next, pair)
    await this.#engine.postPublicAs(turn, pair, communityChannel(pair.publicKey), next.signed)
    return next
  }

  async #keep(turn: Turn, community: Community, pair: KeyPair): Promise<void> {
    if (this.#kept.descriptionOf(community) === undefined)
      throw cannotSend('others would refuse what the community says of itself')
    await this.#kept.take(turn, community, pair)
  }

  /**
   * The same with a rekey for all members: whoever was put out gets no later key, and whoever was let in none before his.
   * What is told to members alone stands under that key.
   */
  async #publishEncrypted(turn: Turn, { community, description, pair }: Ours): Promise<Community> {
    const { publicKey } = pair
    const before = this.#kept.descriptionOf(community)?.members ?? new Map()
    const { members } = description
    const isChanged = before.size !== members.size || [...members.keys()].some((id) => !before.has(id))
    const key = await this.#keys.ownFor(turn, publicKey, isChanged)
    const header = headerWithRekey(pair, [...members.keys()].map(keyOfUser), key)
    const opened = privateParts(description)
    const sealed = await this.#keys.sealParts(turn, publicKey, opened)
    const next = { ...community, signed: signDescription(description, pair, sealed).body, opened }
    await this.#keep(turn, next, pair)
    await this.#engine.postGroupKeyAs(turn, pair, communityChannel(publicKey), { header, payload: next.signed })
    return next
  }

  /** Tells everybody again: stores forget. A key that is worn is replaced. */
  async republish(turn: Turn): Promise<void> {
    for await (const community of this.#kept.all()) {
      const pair = await this.#kept.secret(turn.rows, community.key)
      const description = pair && this.#kept.descriptionOf(community)
      if (pair === undefined || description === undefined) continue
      if (isEncrypted(description)) await this.#publish(turn, { community, description, pair })
      else await this.#engine.postPublicAs(turn, pair, communityChannel(community.key), community.signed)
    }
  }

  async #heardRequest(turn: Turn, { author, message }: HeardOf<'communityRequestToJoin'>): Promise<void> {
    const key = keyOrNone(message.communityId)
    const ours = key && (await this.#asked(turn, key, userId(author), message.clock))
    if (ours === undefined) return
    const id = userId(author)
    const verdict = requestVerdict(ours.description, id, message, turn.now)
    if (verdict === 'accept') return await this.#let(turn, ours, id, true)
    if (verdict !== 'ask' || ours.community.requests.length >= maxRequests)
      return this.#kept.save(turn.rows, ours.community)
    const others = ours.community.requests.filter((one) => one.id !== id)
    this.#kept.save(turn.rows, { ...ours.community, requests: [...others, { id, name: message.displayName }] })
    turn.news.push({ kind: 'community', community: communityId(ours.pair.publicKey) })
  }

  async #heardLeaving(turn: Turn, { author, message }: HeardOf<'communityRequestToLeave'>): Promise<void> {
    const key = keyOrNone(message.communityId)
    const id = userId(author)
    const ours = key && (await this.#asked(turn, key, id, message.clock))
    if (ours?.description.members.has(id) !== true || id === this.#engine.me.id) return
    await this.#publish(turn, { ...ours, description: withoutMember(ours.description, id, turn.now) })
  }

  /** A member whose key was lost on the way. */
  async #heardKeysRequest(turn: Turn, { author, message }: HeardOf<'communityEncryptionKeysRequest'>): Promise<void> {
    const key = keyOrNone(message.communityId)
    const id = userId(author)
    const ours = key && (await this.#find(turn, key))
    if (ours === undefined || !isEncrypted(ours.description) || !ours.description.members.has(id)) return
    if (this.#answered.add(ours.description.id + id)) await this.#respond(turn, ours, id, true)
  }
}
