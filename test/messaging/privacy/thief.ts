/**
 * Who takes a device: has its folder and the password, and tries on recorded envelopes every secret that stands there, read by
 * the library's own functions. Nothing is taken from history, which such a thief reads anyway: here keys are what is tried.
 */
import { hkdfSync } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { communityDescription } from '../../../src/messaging/application/community.ts'
import { openPayload } from '../../../src/messaging/application/metadata.ts'
import { decodeCommunity, descriptionOf } from '../../../src/messaging/communities/community.ts'
import { placeOfParts } from '../../../src/messaging/communities/sealed-parts.ts'
import { keysOfHeader } from '../../../src/messaging/encryption/group-exchange.ts'
import { GroupKeyRing } from '../../../src/messaging/encryption/group-key-ring.ts'
import { anyInstallation, openOneShot } from '../../../src/messaging/encryption/one-shot.ts'
import { PrekeyRing } from '../../../src/messaging/encryption/prekeys.ts'
import {
  type EncryptedMessage,
  type ProtocolMessage,
  protocolMessage,
} from '../../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../../src/messaging/encryption/session.ts'
import type { Account } from '../../../src/messaging/identity/account.ts'
import { readKeyFile } from '../../../src/messaging/identity/key-file.ts'
import { compress, type PublicKey } from '../../../src/messaging/keys.ts'
import type { Carried } from '../../../src/messaging/network.ts'
import { People } from '../../../src/messaging/people/people.ts'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import type { Database } from '../../../src/messaging/storage/rows.ts'
import {
  type Channel,
  communityChannel,
  communityChatChannel,
  negotiatedChannel,
  ownChannels,
} from '../../../src/messaging/topics.ts'
import { Channels } from '../../../src/messaging/transport/channels.ts'
import type { Device } from '../messenger/kit.ts'

/** What a recorded envelope is to a thief. */
export interface Attempt {
  readonly carried: Carried
  /** By what its innermost encryption fell; undefined: it did not. */
  readonly by: 'session' | 'prekey' | 'identity' | 'group key' | undefined
  readonly plaintext: string
}

interface Found {
  readonly sessions: readonly Session[]
  readonly prekeys: PrekeyRing | undefined
  readonly groups: readonly GroupKeyRing[]
  readonly channels: Channels
  readonly listed: number
}

/** The secrets that stood in the folder of a device. */
export class Loot {
  readonly #account: Account
  readonly #sessions: readonly Session[]
  readonly #prekeys: PrekeyRing | undefined
  readonly #groups: readonly GroupKeyRing[]
  readonly #channels: Channels
  readonly #listed: number

  private constructor(account: Account, { sessions, prekeys, groups, channels, listed }: Found) {
    this.#listed = listed
    this.#groups = groups
    this.#account = account
    this.#sessions = sessions
    this.#prekeys = prekeys
    this.#channels = channels
  }

  /** Copies the folder of a device that is off, and reads the copy. */
  static async take(t: Test, { folder }: Device, password = 'secret'): Promise<Loot> {
    const copy = await mkdtemp(path.join(tmpdir(), 'waypost-thief-'))
    t.teardown(() => rm(copy, { recursive: true, force: true }))
    await cp(folder, copy, { recursive: true })
    const account = await readKeyFile(path.join(copy, 'account.json'), password)
    if (account === undefined) throw new Error('there is no account in the folder')
    await using database = await openDatabase(path.join(copy, 'messages'), databaseKey(account))
    return new Loot(account, { ...(await secretsOf(database)), channels: await channelsOf(account, database) })
  }

  get sessions(): number {
    return this.#sessions.length
  }

  /** Sessions that the device knew how to find. */
  get listed(): number {
    return this.#listed
  }

  /** Somebody told the thief where else to look. */
  learn(channels: readonly Channel[]): void {
    for (const channel of channels) this.#channels.add({ channel, place: { kind: 'private' } })
  }

  /** What becomes of each envelope that has something for a device in it; those in clear to all, as public chats, are left out. */
  async tries(recorded: readonly Carried[]): Promise<Attempt[]> {
    const attempts: Attempt[] = []
    const groups = [...this.#groups, await this.#groupKeysIn(recorded)]
    for (const carried of recorded) attempts.push(...(await this.#try(carried, groups)))
    return attempts
  }

  /** The keys of groups that the identity key opens in what was recorded. */
  async #groupKeysIn(recorded: readonly Carried[]): Promise<GroupKeyRing> {
    let ring = GroupKeyRing.empty()
    for (const { message } of recorded) {
      const opened = await this.#channels.open(message.contentTopic, message.payload)
      const header = opened && protocolMessage.parse(opened.data)?.encrypted.get(anyInstallation)?.hashRatchet
      const keys = header && opened.author ? keysOfHeader(header, this.#account.chat, opened.author) : []
      ring = keys.reduce((held, key) => held.take(key, 0), ring)
    }
    return ring
  }

  /** The attempts that opened something. */
  async opens(recorded: readonly Carried[]): Promise<Attempt[]> {
    return (await this.tries(recorded)).filter(({ by }) => by !== undefined)
  }

  async #try(carried: Carried, groups: readonly GroupKeyRing[]): Promise<Attempt[]> {
    const { contentTopic, payload } = carried.message
    const opened = await this.#channels.open(contentTopic, payload)
    const parsed = opened && protocolMessage.parse(opened.data)
    if (opened?.author === undefined || parsed === undefined) return []
    const author = opened.author
    const tried = Array.from(parsed.encrypted, ([key, message]) => {
      const installation = key === this.#account.installation ? parsed.installation : key
      const found = this.#break(message, author, installation) ?? byGroup(groups, message)
      return { carried, by: found?.by, plaintext: Buffer.from(found?.plaintext ?? '').toString() }
    })
    return [...tried, ...partsOf(parsed, groups).map((plaintext) => ({ carried, by: 'group key' as const, plaintext }))]
  }

  #break(message: EncryptedMessage, author: PublicKey, installation: string) {
    for (const session of this.#sessions) {
      const result = session.decrypt(message)
      if (result.opened) return { by: 'session' as const, plaintext: result.plaintext }
    }
    const prekey = message.x3dh && this.#prekeys?.find(message.x3dh.prekey)
    const device = { identity: compress(author), installation }
    const begun = prekey && Session.answer(this.#account.chat, prekey, device, message)?.decrypt(message)
    if (begun?.opened === true) return { by: 'prekey' as const, plaintext: begun.plaintext }
    const plaintext = openOneShot(this.#account.chat, message)
    return plaintext && { by: 'identity' as const, plaintext }
  }
}

/** The private parts of the description that comes with a key, where they open. */
function partsOf({ encrypted }: ProtocolMessage, groups: readonly GroupKeyRing[]): string[] {
  const opened = openPayload(encrypted.get(anyInstallation)?.payload ?? new Uint8Array(0))
  const description = typeof opened === 'string' ? undefined : communityDescription.parse(opened.payload)
  return [...(description?.privateData ?? [])].flatMap(([name, payload]) => {
    const results = groups.map((ring) => ring.decrypt({ hashRatchet: placeOfParts(name), payload }))
    return results.flatMap((result) => (result.opened ? [Buffer.from(result.plaintext).toString()] : []))
  })
}

function byGroup(groups: readonly GroupKeyRing[], message: EncryptedMessage) {
  for (const ring of groups) {
    const result = ring.decrypt(message)
    if (result.opened) return { by: 'group key' as const, plaintext: result.plaintext }
  }
  return undefined
}

/** As `open` of the messenger derives it. */
function databaseKey(account: Account): Uint8Array {
  const use = `waypost messages of ${account.installation}`
  return Buffer.from(hkdfSync('sha256', account.encryption.secretBytes(), '', use, 32))
}

async function secretsOf(database: Database) {
  const sessions: Session[] = []
  for await (const { value } of database.scan({ prefix: 'secret/session/' })) sessions.push(Session.fromBytes(value))
  const ring = await database.get('secret/prekeys')
  let listed = 0
  for await (const person of (await People.load(database)).all()) listed += person.sessions.length
  const groups: GroupKeyRing[] = []
  for await (const { value } of database.scan({ prefix: 'secret/community-keys/' }))
    groups.push(GroupKeyRing.fromBytes(value))
  return { sessions, listed, groups, prekeys: ring && PrekeyRing.fromBytes(ring) }
}

/** Everything on which the owner was written to: the envelopes on them open for the thief. */
async function channelsOf(account: Account, database: Database): Promise<Channels> {
  const channels = new Channels()
  const place = { kind: 'private' } as const
  for (const channel of ownChannels(account.chat.publicKey))
    channels.add({ channel, place, ...(channel.opener === 'recipient' && { keys: account.chat }) })
  const people = await People.load(database)
  for await (const { key } of people.all())
    channels.add({ channel: negotiatedChannel(account.chat.sharedSecret(key)), place })
  for await (const { value } of database.scan({ prefix: 'community/' })) {
    const community = decodeCommunity(value)
    const uuids = [...(descriptionOf(community)?.chats.keys() ?? [])]
    for (const channel of [
      communityChannel(community.key),
      ...uuids.map((id) => communityChatChannel(community.key, id)),
    ])
      channels.add({ channel, place })
  }
  return channels
}

/** Whether an attempt got at this text. */
export function got(attempts: readonly Attempt[], text: string): boolean {
  return attempts.some(({ plaintext }) => plaintext.includes(text))
}
