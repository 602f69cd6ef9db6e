/**
 * Keys of encrypted communities, as this device has them: taken from the community alone, used within the transaction that reads
 * or writes by them, and forgotten after their time. What comes before its key waits.
 *
 * A community is encrypted as a whole: the group is the community, and its key that of all its channels.
 */
import { RecentSet } from '../../core/recent-set.ts'
import type { Milliseconds } from '../../core/time.ts'
import type { CommunityDescription } from '../application/community.ts'
import { isEncrypted, type SealedParts } from '../communities/description.ts'
import { nameOfParts, placeOfParts } from '../communities/sealed-parts.ts'
import { keysOfHeader } from '../encryption/group-exchange.ts'
import { GroupKey } from '../encryption/group-key.ts'
import { GroupKeyRing } from '../encryption/group-key-ring.ts'
import { type GroupSealed, sequenceWindow } from '../encryption/hash-ratchet.ts'
import type { EncryptedMessage, HashRatchetHeader } from '../encryption/protocol-message.ts'
import { type CompressedKey, compress, keyOrNone, type PublicKey, sameBytes, userId } from '../keys.ts'
import type { Rows } from '../storage/rows.ts'
import { communityControlChannel, communityId } from '../topics.ts'
import type { Engine, Turn } from './engine.ts'
import type { GroupReading, Incoming } from './intake.ts'
import type { KeptCommunities } from './kept-communities.ts'
import { WaitingMessages } from './waiting-messages.ts'

/** How far the clock of who writes may be behind that of the community. */
const clocksDiffer: Milliseconds = 2 * 60 * 1000

/** How long a key is out before the owner makes another: status-go's two days, or as many messages as open late. */
const wornAfter = { lifetime: 48 * 60 * 60 * 1000, sequence: sequenceWindow } as const

/** When a message has waited so long, its community is asked for the key: until then stores may have it. */
const askAfter: Milliseconds = 10 * 60 * 1000

/** How long a community is not asked again, and how many are remembered. */
const asked = { lifetime: 30 * 60 * 1000, most: 1000 } as const

/** Private parts that are tried in one description: each may be some milliseconds of hashing. A community has one. */
const maxParts = 8

/** The private parts of a description: opened; or why not. */
export type OpenedParts = Uint8Array | 'no key' | 'unreadable'

export class CommunityKeys {
  readonly #engine: Engine
  readonly #kept: KeptCommunities
  readonly #waiting: WaitingMessages
  readonly #asked: RecentSet<string>

  constructor(engine: Engine, kept: KeptCommunities) {
    this.#engine = engine
    this.#kept = kept
    this.#waiting = new WaitingMessages(engine.database)
    this.#asked = new RecentSet({ ...asked, clock: engine.clock })
  }

  #row(key: PublicKey): string {
    return `secret/community-keys/${this.#engine.database.tag(communityId(key))}`
  }

  /** Of one that is ours: what it gives to members, from which each message's key follows. */
  #ownRow(key: PublicKey): string {
    return `secret/community-own-key/${this.#engine.database.tag(communityId(key))}`
  }

  async #ring(rows: Pick<Rows, 'get'>, key: PublicKey): Promise<GroupKeyRing> {
    const stored = await rows.get(this.#row(key))
    return stored ? GroupKeyRing.fromBytes(stored) : GroupKeyRing.empty()
  }

  #save(rows: Rows, key: PublicKey, ring: GroupKeyRing): void {
    rows.put(this.#row(key), ring.toBytes())
  }

  /** Whether a key of a community is here. */
  async hasAny(rows: Rows, key: PublicKey): Promise<boolean> {
    return (await this.#ring(rows, key)).span !== undefined
  }

  /** The key that a community of ours gives to members; undefined of one that is not encrypted. */
  async own(rows: Pick<Rows, 'get'>, key: PublicKey): Promise<GroupKey | undefined> {
    const stored = await rows.get(this.#ownRow(key))
    return stored && GroupKey.fromBytes(stored)
  }

  /** The same to go on with: a new one where others are in it than before, or where the old one is worn. */
  async ownFor({ rows, now }: Turn, key: PublicKey, isChanged: boolean): Promise<GroupKey> {
    const held = await this.own(rows, key)
    const ring = await this.#ring(rows, key)
    // By a clock that was ahead a key is not kept for longer.
    const isOld = held !== undefined && Math.abs(now - Number(held.timestamp)) >= wornAfter.lifetime
    if (held !== undefined && !isChanged && !isOld && ring.sequence < wornAfter.sequence) return held
    const time = BigInt(Math.floor(now))
    const next = new GroupKey(compress(key), held && held.timestamp >= time ? held.timestamp + 1n : time)
    rows.put(this.#ownRow(key), next.toBytes())
    this.#save(rows, key, ring.take(next, now))
    return next
  }

  /** `plaintext` under the newest key of a community; undefined where none has come. */
  async seal({ rows }: Turn, key: PublicKey, plaintext: Uint8Array): Promise<GroupSealed | undefined> {
    const sealed = (await this.#ring(rows, key)).encrypt(plaintext)
    if (sealed !== undefined) this.#save(rows, key, sealed.next)
    return sealed?.message
  }

  /** The private parts of a description for members, and the name of the key that they are under; undefined without one. */
  async sealParts(turn: Turn, key: PublicKey, parts: Uint8Array): Promise<SealedParts | undefined> {
    const sealed = await this.seal(turn, key, parts)
    return sealed && [nameOfParts(sealed.hashRatchet), sealed.payload]
  }

  /** The private parts of a description that came. */
  async openParts({ rows }: Turn, key: PublicKey, { privateData }: CommunityDescription): Promise<OpenedParts> {
    const ring = await this.#ring(rows, key)
    const places = [...privateData].map(([name, payload]) => ({ hashRatchet: placeOfParts(name), payload }))
    const tried = places.filter(({ hashRatchet }) => hashRatchet && ring.has(hashRatchet.keyId)).slice(0, maxParts)
    for (const sealed of tried) {
      const opening = ring.decrypt(sealed)
      if (!opening.opened) continue
      if (opening.next !== ring) this.#save(rows, key, opening.next)
      return opening.plaintext
    }
    return tried.length > 0 ? 'unreadable' : 'no key'
  }

  /** Reads what is under a key of a community, or brings one. */
  readonly read = async (
    turn: Turn,
    incoming: Incoming,
    sealed: EncryptedMessage,
  ): Promise<GroupReading | undefined> => {
    const header = sealed.hashRatchet
    if (header === undefined) return undefined
    return header.sequence === 0
      ? await this.#readKeys(turn, incoming, header, sealed.payload)
      : await this.#readMessage(turn, incoming, header, sealed)
  }

  /** A key is taken from the community that it is of, and of one that this device follows. In clear it comes to nobody. */
  async #readKeys(
    turn: Turn,
    { author, place }: Incoming,
    header: HashRatchetHeader,
    payload: Uint8Array,
  ): Promise<GroupReading | undefined> {
    const { rows, now } = turn
    const key = keyOrNone(header.groupId)
    const isFromGroup = key !== undefined && sameBytes(compress(author), key)
    const isSecret = place.kind === 'private' || header.keys?.keys.length === 0
    if (!isFromGroup || !isSecret || (await this.#kept.find(rows, key)) === undefined) return undefined
    const before = await this.#ring(rows, key)
    const ring = keysOfHeader(header, this.#engine.me.chat, key).reduce((held, one) => held.take(one, now), before)
    if (ring !== before) this.#save(rows, key, ring)
    return { protection: 'open', plaintext: payload, released: await this.#released(rows, key, ring) }
  }

  async #released(rows: Rows, key: CompressedKey, ring: GroupKeyRing): Promise<Incoming[]> {
    const place = { kind: 'community', id: communityId(key), key } as const
    const ready = await this.#waiting.take(rows, key, (keyId) => ring.has(keyId))
    return ready.map(({ author, message, sentAt }) => ({ place, author, message, sentAt }))
  }

  /** What a member wrote. Of others nothing is tried: each trial is hashing, and waiting is room. */
  async #readMessage(
    turn: Turn,
    incoming: Incoming,
    header: HashRatchetHeader,
    sealed: EncryptedMessage,
  ): Promise<GroupReading | undefined> {
    const { place, author } = incoming
    if (place.kind !== 'community' || !sameBytes(header.groupId, compress(place.key))) return undefined
    const { key } = place
    if (!(await this.#areMembers(turn, key, [userId(author), this.#engine.me.id]))) return undefined
    const ring = await this.#ring(turn.rows, key)
    const opening = ring.decrypt(sealed)
    if (opening.opened) {
      if (opening.next !== ring) this.#save(turn.rows, key, opening.next)
      return { protection: 'group key', plaintext: opening.plaintext, released: [] }
    }
    if (opening.why === 'no key' && isAfterJoining(ring, incoming)) await this.#wait(turn, key, incoming, header)
    return undefined
  }

  async #areMembers({ rows }: Turn, key: PublicKey, ids: readonly string[]): Promise<boolean> {
    const community = await this.#kept.find(rows, key)
    const description = community && this.#kept.descriptionOf(community)
    return description !== undefined && isEncrypted(description) && ids.every((id) => description.members.has(id))
  }

  async #wait(
    turn: Turn,
    key: PublicKey,
    { author, message, sentAt }: Incoming,
    { keyId }: HashRatchetHeader,
  ): Promise<void> {
    const community = compress(key)
    await this.#waiting.put(turn.rows, { community, author: compress(author), keyId, message, sentAt }, turn.now)
    await this.tidy(turn, community)
  }

  /** Forgets what is past its time, and asks a community for a key for which something has waited long. */
  async tidy(turn: Turn, key: CompressedKey): Promise<void> {
    const { rows, now } = turn
    const before = await this.#ring(rows, key)
    const ring = before.at(now)
    if (ring !== before) this.#save(rows, key, ring)
    const newest = ring.span?.newest ?? 0
    const waits = await this.#waiting.tidy(rows, key, now)
    // Of keys the community has the newest: what is older than one that we have is with stores alone.
    const isLost = waits.some(({ since, sentAt }) => since + askAfter <= now && sentAt > newest)
    if (isLost && this.#asked.add(communityId(key))) await this.#ask(turn, key)
  }

  async #ask(turn: Turn, key: CompressedKey): Promise<void> {
    const signed = this.#engine.sign('communityEncryptionKeysRequest', { communityId: key })
    await this.#engine.postPublic(turn, communityControlChannel(key), signed, key)
  }

  /** Forgets all keys of a community that has put us out, and what waits for one. */
  async forget(rows: Rows, key: CompressedKey): Promise<void> {
    const before = await this.#ring(rows, key)
    const ring = before.emptied()
    if (ring !== before) this.#save(rows, key, ring)
    await this.#waiting.clear(rows, key)
  }
}

/** What was written before the first key that we were given is not for us, and its key does not come. */
function isAfterJoining({ span }: GroupKeyRing, { sentAt }: Incoming): boolean {
  return span !== undefined && sentAt + clocksDiffer >= span.oldest
}
