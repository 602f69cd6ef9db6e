/**
 * What encrypted messaging costs: a session by itself, whole turns of a messenger with its database, opening a session, a
 * message to a group of 20, and the bytes that each layer adds.
 *
 * `npm run bench:messaging`, or with `-- --messages=1000`. CPU is of all threads of this process; the network is a list.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { encodeMessage } from '../../src/core/message.ts'
import { toNanoseconds } from '../../src/core/time.ts'
import { ChatKind, ContentType } from '../../src/messaging/application/chat.ts'
import { signPayload } from '../../src/messaging/application/metadata.ts'
import { writePayload } from '../../src/messaging/application/payloads.ts'
import { ApplicationType } from '../../src/messaging/application/types.ts'
import { signBundle } from '../../src/messaging/encryption/bundle.ts'
import { PrekeyRing } from '../../src/messaging/encryption/prekeys.ts'
import { type EncryptedMessage, protocolMessage } from '../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../src/messaging/encryption/session.ts'
import { KeyPair, userId } from '../../src/messaging/keys.ts'
import { oneToOneGroupId } from '../../src/messaging/mvds/group.ts'
import { syncPayload } from '../../src/messaging/mvds/payload.ts'
import { keyFromPassword } from '../../src/messaging/payload/password.ts'
import { encrypt } from '../../src/messaging/payload/payload.ts'
import { negotiatedChannel } from '../../src/messaging/topics.ts'
import { until } from '../kit/until.ts'
import { befriend, Device, TestNetwork } from '../messaging/messenger/kit.ts'
import { Bench, given, machine } from './kit/bench.ts'
import { figure, printTable } from './kit/table.ts'

const messages = Number(given('messages') ?? 200)
const others = 19
const groupMessages = 5
const text = 'x'.repeat(100)
const device = '00000000-0000-4000-8000-000000000001'

await using bench = new Bench()
const folder = mkdtempSync(path.join(tmpdir(), 'waypost-bench-'))
bench.teardown(() => rmSync(folder, { recursive: true, force: true }))

const costs: Record<string, string>[] = []

/** Does `work` and notes what each of `count` took. */
async function cost(what: string, count: number, work: () => unknown): Promise<void> {
  const [before, started] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(before)
  const [cpu, took] = [(user + system) / 1000, performance.now() - started]
  const [perSecond, each] = [figure((1000 * count) / cpu), figure(cpu / count)]
  costs.push({ what, 'per CPU second': perSecond, 'CPU ms each': each, 'ms each': figure(took / count) })
}

/** Identities and prekey of two, and the session of the first. */
function pair() {
  const [alice, bob, prekey] = [KeyPair.generate(), KeyPair.generate(), KeyPair.generate()]
  const start = () => Session.start(alice, { identity: bob.publicKey, installation: device, prekey: prekey.publicKey })
  const answer = (message: EncryptedMessage) =>
    Session.answer(bob, prekey, { identity: alice.publicKey, installation: device }, message)
  return { alice, bob, start, answer }
}

/** A message as whoever receives it reads it. */
function onTheWire(message: ReturnType<Session['encrypt']>['message']): EncryptedMessage {
  const encrypted = new Map([[device, message]])
  const read = protocolMessage.parse(protocolMessage.encode({ installation: device, encrypted }))?.encrypted.get(device)
  if (read === undefined) throw new Error('what was written is not read')
  return read
}

async function sessions(count: number): Promise<void> {
  const { start, answer } = pair()
  const first = onTheWire(start().encrypt(Buffer.from(text)).message)
  const opened = 50
  await cost('session: begun, and the first message (X3DH)', opened, () => {
    for (let at = 0; at < opened; at++) start().encrypt(Buffer.from(text))
  })
  await cost('session: answered, and the first message read (X3DH)', opened, () => {
    for (let at = 0; at < opened; at++)
      if (answer(first)?.decrypt(first).opened !== true) throw new Error('the first message was not read')
  })
  let writes = start()
  const written: ReturnType<Session['encrypt']>['message'][] = []
  await cost('session: encrypted', count, () => {
    for (let at = 0; at < count; at++) {
      const { message, next } = writes.encrypt(Buffer.from(text))
      written.push(message)
      writes = next
    }
  })
  const came = written.map(onTheWire)
  let reads = answer(came[0]!)!
  await cost('session: decrypted', count, () => {
    for (const message of came) {
      const result = reads.decrypt(message)
      if (!result.opened) throw new Error(result.why)
      reads = result.next
    }
  })
}

async function people(count: number, network: TestNetwork): Promise<Device[]> {
  const all = Array.from({ length: count }, (_, at) => new Device(path.join(folder, String(at)), network.end(), {}))
  for (const one of all) {
    bench.teardown(() => one.stop())
    await one.start()
  }
  return all
}

async function messengers(count: number): Promise<void> {
  const network = new TestNetwork()
  const [alice, ...friends] = (await people(others + 1, network)) as [Device, ...Device[]]
  const [bob] = friends as [Device]
  for (const friend of friends) await befriend(alice, friend)
  const ids = friends.map(({ me }) => me.id)
  const group = await alice.me.createGroup('twenty', ids)
  await alice.me.settled()
  await until(async () => (await bob.me.chats()).some(({ id }) => id === group))
  for (const friend of friends) {
    await friend.me.settled()
    friend.end.turn(false)
  }
  await alice.me.settled()
  await cost('messenger: sent to one, on disk and handed over', count, async () => {
    for (let at = 0; at < count; at++) await alice.me.send(bob.me.id, text)
    await alice.me.settled()
  })
  const had = bob.heard.length
  await cost('messenger: read, confirmed and handed out', count, async () => {
    bob.end.turn(true)
    await until(() => bob.heard.length >= had + count)
    await bob.me.settled()
  })
  bob.end.turn(false)
  await cost('messenger: sent to a group of 20', groupMessages, async () => {
    for (let at = 0; at < groupMessages; at++) await alice.me.send(group, text)
    await alice.me.settled()
  })
}

/** Bytes of a message of 100 letters, as each layer hands it to the next. */
async function sizes(): Promise<void> {
  const { alice, bob, start, answer } = pair()
  const now = Date.now()
  const chatId = userId(bob.publicKey)
  const [kind, contentType] = [ChatKind.oneToOne, ContentType.text]
  const draft = { clock: BigInt(now), timestamp: BigInt(now), text, chatId, kind, contentType }
  const application = writePayload('chatMessage', draft)
  const { body } = signPayload(ApplicationType.chatMessage, application, alice)
  const groupId = oneToOneGroupId(alice.publicKey, bob.publicKey)
  const synced = syncPayload.encode({ messages: [{ groupId, timestamp: BigInt(Math.floor(now / 1000)), body }] })
  const began = start().encrypt(Buffer.from('first'))
  // The session is known to both: without the header of X3DH.
  const answered = answer(onTheWire(began.message))?.decrypt(onTheWire(began.message))
  if (answered?.opened !== true) throw new Error('the first message was not read')
  const encrypted = new Map([[device, answered.next.encrypt(synced).message]])
  const prekeys = new Map([[device, PrekeyRing.create(toNanoseconds(now)).current]])
  const bundles = [signBundle(alice, prekeys, toNanoseconds(now))]
  const bare = protocolMessage.encode({ installation: device, encrypted })
  const bundled = protocolMessage.encode({ installation: device, bundles, encrypted })
  const channel = negotiatedChannel(alice.sharedSecret(bob.publicKey))
  const payload = encrypt(bundled, { key: await keyFromPassword(channel.name) }, alice)
  const { contentTopic } = channel
  const waku = encodeMessage({ contentTopic, version: 1, timestamp: toNanoseconds(now), payload })
  const layers = { text: Buffer.from(text), application, 'signed wrapper': body, MVDS: synced }
  const lower = { 'protocol message': bare, 'with the bundle': bundled, '26/payload': payload, WakuMessage: waku }
  let before = 0
  const rows = Object.entries({ ...layers, ...lower }).map(([layer, { length }]) => {
    const row = { layer, bytes: String(length), added: String(length - before) }
    before = length
    return row
  })
  printTable('a text of 100 bytes, by layer', rows)
}

console.log(machine())
await sessions(messages)
await messengers(messages)
printTable(`${messages} messages of 100 letters`, costs)
await sizes()
