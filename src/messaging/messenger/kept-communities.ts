/** Communities as this device keeps them: rows, the channels on which it listens to them, and their chats. */
import type { CommunityDescription } from '../application/community.ts'
import { newChat } from '../chats/chat.ts'
import { type Community, decodeCommunity, descriptionOf, encodeCommunity } from '../communities/community.ts'
import { compress, compressedKeyBytes, KeyPair, keyOfUser, type PublicKey, sameBytes } from '../keys.ts'
import type { Rows } from '../storage/rows.ts'
import {
  communityChannel,
  communityChatChannel,
  communityChatId,
  communityControlChannel,
  communityId,
} from '../topics.ts'
import type { Engine, Turn } from './engine.ts'

/** Communities whose descriptions are kept as they were read. */
const maxDescriptions = 64

export class KeptCommunities {
  readonly #engine: Engine
  readonly #descriptions = new Map<
    string,
    Pick<Community, 'signed' | 'opened'> & { readonly description: CommunityDescription }
  >()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** What a community says of itself. Its signature is looked at once, not for each message. */
  descriptionOf(community: Community): CommunityDescription | undefined {
    const id = communityId(community.key)
    const known = this.#descriptions.get(id)
    const isSame = known && sameBytes(known.signed, community.signed) && sameBytes(known.opened, community.opened)
    if (isSame) return known.description
    const description = descriptionOf(community)
    this.#descriptions.delete(id)
    if (description !== undefined) this.#descriptions.set(id, { ...community, description })
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

  async find(rows: Pick<Rows, 'get'>, key: PublicKey): Promise<Community | undefined> {
    const stored = await rows.get(this.#row(key))
    return stored && decodeCommunity(stored)
  }

  save(rows: Rows, community: Community): void {
    rows.put(this.#row(community.key), encodeCommunity(community))
  }

  /** The key of a community that is ours. */
  async secret(rows: Pick<Rows, 'get'>, key: PublicKey): Promise<KeyPair | undefined> {
    const stored = await rows.get(this.#secretRow(key))
    return stored && KeyPair.fromSecret(stored)
  }

  saveSecret(rows: Rows, pair: KeyPair): void {
    rows.put(this.#secretRow(pair.publicKey), pair.secretBytes())
  }

  async *all(): AsyncGenerator<Community> {
    for await (const { value } of this.#engine.database.scan({ prefix: 'community/' })) yield decodeCommunity(value)
  }

  /** Listens to a community, and to what it is asked where it is ours. */
  listen(community: Community, secret: KeyPair | undefined): void {
    const { key } = community
    const place = { kind: 'community', id: communityId(key), key } as const
    const chats = [...(this.descriptionOf(community)?.chats.keys() ?? [])].map((uuid) =>
      communityChatChannel(key, uuid),
    )
    for (const channel of [communityChannel(key), ...chats]) this.#engine.listen({ channel, place })
    if (secret === undefined) return
    const control = { kind: 'community control', id: communityId(key) } as const
    this.#engine.listen({ channel: communityControlChannel(key), place: control, keys: secret })
  }

  /** Keeps what a community now says of itself, and listens on its channels. */
  async take(turn: Turn, community: Community, pair: KeyPair | undefined): Promise<void> {
    this.listen(community, pair)
    await this.openChats(turn, community, this.descriptionOf(community)?.members.has(this.#engine.me.id) ?? false)
  }

  /** Keeps a community with its channels as chats; in them we are as long as we are members. */
  async openChats(turn: Turn, community: Community, isMember: boolean): Promise<void> {
    const { rows, news } = turn
    const { key } = community
    const chats = this.descriptionOf(community)?.chats ?? new Map()
    const before = await this.find(rows, key)
    const gone = [...((before && this.descriptionOf(before))?.chats.keys() ?? [])].filter((uuid) => !chats.has(uuid))
    for (const uuid of gone) await this.#closeChat(rows, key, uuid)
    this.save(rows, community)
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
}

/** The key that the id of a community is made of. Throws `key/invalid`. */
export function keyOf(id: string) {
  return compress(keyOfUser(id))
}

/** Digits of the id of a community. */
const idDigits = 2 + 2 * compressedKeyBytes

/** The community and the channel that the id of a channel's chat names, which is both, one behind the other. */
export function partsOf(chatId: string) {
  return { key: keyOf(chatId.slice(0, idDigits)), uuid: chatId.slice(idDigits) }
}
