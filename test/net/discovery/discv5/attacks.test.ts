/** What a stranger may send over UDP, and what it brings it: each with what an honest node gets, beside it. */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { idBytes, nodeIdOf } from '../../../../src/net/discovery/discv5/ids.ts'
import {
  ephemeralKeyPair,
  type Handshake,
  seal,
  sessionKeys,
  sharedSecret,
  signIdentity,
  unseal,
} from '../../../../src/net/discovery/discv5/keys.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../../src/net/discovery/discv5/messages.ts'
import {
  decodePacket,
  encodeHead,
  encodePacket,
  handshakeData,
  type WhoareyouPacket,
  whoareyouData,
} from '../../../../src/net/discovery/discv5/packet.ts'
import { type Enr, maxRecordBytes } from '../../../../src/net/discovery/enr.ts'
import { signRecord } from '../../../../src/net/discovery/node-record.ts'
import { encodeList, encodeString } from '../../../../src/net/discovery/rlp.ts'
import { discv5Node, metricValue, quick, type TestNode, until } from '../../../kit/discv5.ts'

/** Somebody with a socket and a key of its own, who follows no rule but those that we write here. */
class Stranger {
  readonly #socket = createSocket('udp4')
  readonly #inbox: Buffer[] = []
  #wake = Promise.withResolvers<void>()
  readonly privateKey: PrivateKey
  readonly record: Enr
  readonly id: string
  /** Bytes that it has sent. */
  sent = 0

  constructor(privateKey: PrivateKey, record: Enr) {
    this.privateKey = privateKey
    this.record = record
    this.id = nodeIdOf(record.publicKey)
  }

  /** Bound to `address`; its record says `claimed`, or that it is where it is. */
  static async at(t: Test, address: string, claimed?: { address: string; port: number }): Promise<Stranger> {
    const privateKey = await generateKeyPair('secp256k1')
    const probe = createSocket('udp4')
    probe.bind({ address, port: 0 })
    await once(probe, 'listening')
    const { port } = probe.address()
    await new Promise<void>((resolve) => probe.close(resolve))
    const at = claimed ?? { address, port }
    const addresses = [multiaddr(`/ip4/${at.address}/tcp/60000`)]
    const shards = { cluster: 16, shards: [0] }
    const record = signRecord({ addresses, udpPort: at.port, capabilities: ['relay'], shards }, privateKey, 1n)
    const stranger = new Stranger(privateKey, record)
    await stranger.#bind(address, port)
    t.teardown(() => stranger.#socket.close())
    return stranger
  }

  /** What comes next. */
  async receive(): Promise<Buffer> {
    while (this.#inbox.length === 0) await this.#wake.promise
    return this.#inbox.shift() ?? Buffer.alloc(0)
  }

  get waiting(): number {
    return this.#inbox.length
  }

  async send(to: TestNode, bytes: Uint8Array): Promise<void> {
    this.sent += bytes.length
    await new Promise((resolve) => this.#socket.send(bytes, to.discv5.port, addressOf(to), resolve))
  }

  /** Asks for a challenge, and gives it. */
  async challenged(by: TestNode, message = randomBytes(44)): Promise<{ packet: WhoareyouPacket; bytes: Buffer }> {
    const nonce = randomBytes(12)
    await this.send(by, this.packet(by, 'message', nonce, idBytes(this.id), message))
    for (;;) {
      const bytes = await this.receive()
      const packet = decodePacket(bytes, idBytes(this.id), 'd5waku')
      if (packet?.kind === 'whoareyou' && Buffer.compare(packet.nonce, nonce) === 0) return { packet, bytes }
    }
  }

  /** The handshake that answers a challenge, with `message` in it; and the keys of the session. */
  handshake(with_: TestNode, { challenge }: WhoareyouPacket, message: Message, record: Uint8Array | undefined) {
    const recipient = nodeIdOf(with_.record().publicKey)
    const ephemeral = ephemeralKeyPair()
    const handshake: Handshake = { initiator: this.id, recipient, challenge }
    const keys = sessionKeys(sharedSecret(with_.record().publicKey, ephemeral.privateKey), handshake)
    const signature = signIdentity(this.privateKey.raw, ephemeral.publicKey, handshake)
    const authdata = handshakeData(this.id, { signature, ephemeralKey: ephemeral.publicKey, record })
    const nonce = randomBytes(12)
    const head = encodeHead({ iv: randomBytes(16), protocol: 'd5waku', kind: 'handshake', nonce, authdata })
    const packet = encodePacket(recipient, head, seal(keys.initiator, nonce, encodeMessage(message), head))
    return { keys, packet }
  }

  /** A message under the keys of a session. */
  sealed(to: TestNode, key: Uint8Array, message: Message): Uint8Array {
    const nonce = randomBytes(12)
    const authdata = idBytes(this.id)
    const head = encodeHead({ iv: randomBytes(16), protocol: 'd5waku', kind: 'message', nonce, authdata })
    return encodePacket(nodeIdOf(to.record().publicKey), head, seal(key, nonce, encodeMessage(message), head))
  }

  /** Reads until a message of this type comes under `key`. */
  async answer(key: Uint8Array, type: Message['type']): Promise<Message> {
    for (;;) {
      const message = await this.message(key)
      if (message?.type === type) return message
    }
  }

  /** The next packet as a message under `key`; undefined when it is none. */
  async message(key: Uint8Array): Promise<Message | undefined> {
    const packet = decodePacket(await this.receive(), idBytes(this.id), 'd5waku')
    if (packet?.kind !== 'message') return undefined
    const plain = unseal(key, packet.nonce, packet.sealed, packet.head)
    return plain && decodeMessage(plain)
  }

  packet(
    to: TestNode,
    kind: 'message' | 'whoareyou' | 'handshake',
    nonce: Uint8Array,
    authdata: Uint8Array,
    message: Uint8Array = Buffer.alloc(0),
  ): Buffer {
    const head = encodeHead({ iv: randomBytes(16), protocol: 'd5waku', kind, nonce, authdata })
    return encodePacket(nodeIdOf(to.record().publicKey), head, message)
  }

  async #bind(address: string, port: number): Promise<void> {
    this.#socket.on('message', (bytes) => {
      this.#inbox.push(bytes)
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    })
    this.#socket.bind({ address, port })
    await once(this.#socket, 'listening')
  }
}

function addressOf(node: TestNode): string {
  const ip = node.record().pairs.get('ip')
  return ip === undefined ? '127.0.0.1' : [...ip].join('.')
}

const ping = { type: 'ping', id: Buffer.of(1), sequence: 1n } as const
const outcome = (node: TestNode, name: string) =>
  metricValue(node.metrics, 'waypost_discv5_packets_total', { outcome: name })
const known = (node: TestNode, stranger: Stranger): boolean =>
  node.discv5.nodes.some(({ publicKey }) => Buffer.compare(publicKey, stranger.record.publicKey) === 0)

/** Settles when the node has counted one more packet of these outcomes than before `act`. */
async function counted(node: TestNode, names: readonly string[], act: () => Promise<void>): Promise<void> {
  const sum = async () =>
    (await Promise.all(names.map((name) => outcome(node, name)))).reduce((all, one) => all + one, 0)
  const before = await sum()
  await act()
  while ((await sum()) <= before) await new Promise((resolve) => setTimeout(resolve, 10))
}

t.test('before a handshake nothing leaves that is larger than what came', async (t) => {
  const node = await discv5Node(t)
  const stranger = await Stranger.at(t, '127.0.1.1')
  const { bytes } = await stranger.challenged(node, Buffer.alloc(0))
  t.ok(bytes.length <= stranger.sent, `${bytes.length} for ${stranger.sent}`)
})

t.test('who has a challenge to answer gets no second one meanwhile', async (t) => {
  const node = await discv5Node(t)
  const stranger = await Stranger.at(t, '127.0.1.2')
  await stranger.challenged(node)
  const again = () =>
    stranger.send(node, stranger.packet(node, 'message', randomBytes(12), idBytes(stranger.id), ping44))
  await counted(node, ['stray'], again)
  t.equal(stranger.waiting, 0)
  t.equal(await outcome(node, 'challenged'), 1)
})

const ping44 = randomBytes(44)

t.test('a handshake is good once, for its challenge, from its address and with the key of its record', async (t) => {
  const node = await discv5Node(t)
  const stranger = await Stranger.at(t, '127.0.1.3')
  const { packet: challenge } = await stranger.challenged(node)
  const good = stranger.handshake(node, challenge, ping, stranger.record.bytes)
  const elsewhere = await Stranger.at(t, '127.0.1.4')
  await counted(node, ['stray'], () => elsewhere.send(node, good.packet))
  t.equal(elsewhere.waiting, 0, 'from another address it opens nothing')
  await stranger.send(node, good.packet)
  const pong = await stranger.answer(good.keys.recipient, 'pong')
  t.match(pong, { type: 'pong', id: ping.id, address: '127.0.1.3' })
  await counted(node, ['stray'], () => stranger.send(node, good.packet))
  t.pass('the same handshake again opens nothing')

  const other = await Stranger.at(t, '127.0.1.5')
  const { packet: next } = await other.challenged(node)
  const borrowed = other.handshake(node, next, ping, stranger.record.bytes)
  await counted(node, ['malformed'], () => other.send(node, borrowed.packet))
  t.equal(other.waiting, 0, 'the record of somebody else opens nothing')

  const unsaid = await Stranger.at(t, '127.0.1.6')
  const { packet: third } = await unsaid.challenged(node)
  t.equal(third.sequence, 0n, 'it is not known')
  const bare = unsaid.handshake(node, third, ping, undefined)
  await counted(node, ['malformed'], () => unsaid.send(node, bare.packet))
  t.equal(unsaid.waiting, 0, 'no record opens nothing')
})

t.test('a WHOAREYOU that nobody asked for, or that comes again, starts nothing', async (t) => {
  const stranger = await Stranger.at(t, '127.0.1.7')
  const node = await discv5Node(t, { bootstrap: [stranger.record], timings: { ...quick, handshake: 60_000 } })
  // The node asks its bootstrap node, which is the stranger.
  const asked = decodePacket(await stranger.receive(), idBytes(stranger.id), 'd5waku')
  if (asked?.kind !== 'message') return t.fail('no message')
  const challenge = () => stranger.packet(node, 'whoareyou', asked.nonce, whoareyouData(randomBytes(16), 0n))
  const unasked = stranger.packet(node, 'whoareyou', randomBytes(12), whoareyouData(randomBytes(16), 0n))
  await counted(node, ['stray'], () => stranger.send(node, unasked))
  t.equal(stranger.waiting, 0, 'another nonce')
  const elsewhere = await Stranger.at(t, '127.0.1.8')
  await counted(node, ['stray'], () => elsewhere.send(node, challenge()))
  t.equal(stranger.waiting + elsewhere.waiting, 0, 'another address')

  await stranger.send(node, challenge())
  t.equal(decodePacket(await stranger.receive(), idBytes(stranger.id), 'd5waku')?.kind, 'handshake')
  await counted(node, ['stray'], () => stranger.send(node, challenge()))
  t.equal(stranger.waiting, 0, 'a second time')
})

t.test('an answer to FINDNODE counts as far as it answers the question', async (t) => {
  const node = await discv5Node(t)
  const stranger = await Stranger.at(t, '127.0.1.9')
  const { packet: challenge } = await stranger.challenged(node)
  const { keys, packet } = stranger.handshake(node, challenge, ping, stranger.record.bytes)
  await stranger.send(node, packet)
  // The node pings who has met it, and its searches ask.
  const answered = answerAll(stranger, node, keys)
  t.teardown(() => {
    answered.running = false
  })
  await until(() => known(node, stranger))
  t.pass('it is in the table')
  await until(() => answered.findNodes > 3)
  t.equal(node.discv5.size, 1, 'those of whom it told are not: their distance was not asked for, or they are none')
  t.same([...node.found.keys()].length, 1)
  t.ok((await metricValue(node.metrics, 'waku_discv5_errors_total', { type: 'ParseFailure' })) > 0)
  t.equal(await outcome(node, 'failed'), 0)
})

/** Answers every request of a node: PING as it should be, FINDNODE with rubbish, in 255 packets as it says. */
function answerAll(stranger: Stranger, node: TestNode, keys: { initiator: Uint8Array; recipient: Uint8Array }) {
  const state = { findNodes: 0, running: true }
  const tooLarge = encodeList([encodeString(randomBytes(maxRecordBytes + 20))])
  const forged = Buffer.from(stranger.record.bytes).fill(7, 60, 70)
  const run = async () => {
    while (state.running) {
      const packet = decodePacket(await stranger.receive(), idBytes(stranger.id), 'd5waku')
      if (packet?.kind !== 'message') continue
      const plain = unseal(keys.recipient, packet.nonce, packet.sealed, packet.head)
      const message = plain && decodeMessage(plain)
      if (message?.type === 'ping')
        await stranger.send(
          node,
          stranger.sealed(node, keys.initiator, {
            type: 'pong',
            id: message.id,
            sequence: 1n,
            address: '203.0.113.1',
            port: 1,
          }),
        )
      if (message?.type === 'findnode') {
        state.findNodes += 1
        const records = [tooLarge, forged, encodeList([]), stranger.record.bytes]
        for (let packets = 0; packets < 20; packets += 1)
          await stranger.send(
            node,
            stranger.sealed(node, keys.initiator, { type: 'nodes', id: message.id, total: 255, records }),
          )
      }
    }
  }
  void run()
  return state
}

t.test('who claims to be somewhere else has that place asked once, and gets into no table', async (t) => {
  const victim = await Stranger.at(t, '127.0.1.20')
  const claimed = {
    address: '127.0.1.20',
    port: Number(Buffer.from(victim.record.pairs.get('udp') ?? []).readUInt16BE()),
  }
  const node = await discv5Node(t)
  const stranger = await Stranger.at(t, '127.0.1.21', claimed)
  for (let round = 0; round < 5; round += 1) {
    const { packet: challenge } = await stranger.challenged(node)
    const { keys, packet } = stranger.handshake(node, challenge, ping, stranger.record.bytes)
    await stranger.send(node, packet)
    await stranger.answer(keys.recipient, 'pong')
  }
  const first = await victim.receive()
  t.ok(first.length < 200, 'a small packet')
  await new Promise((resolve) => setTimeout(resolve, quick.handshake + 500))
  t.ok(victim.waiting <= 1, `and not one for each handshake: ${victim.waiting}`)
  t.notOk(known(node, stranger))
})

t.test('who says again and again that it has a newer record is asked for it once at a time', async (t) => {
  const node = await discv5Node(t)
  const stranger = await Stranger.at(t, '127.0.1.23')
  const { packet: challenge } = await stranger.challenged(node)
  const { keys, packet } = stranger.handshake(node, challenge, ping, stranger.record.bytes)
  await stranger.send(node, packet)
  const { id } = await stranger.answer(keys.recipient, 'ping')
  const pong: Message = { type: 'pong', id, sequence: 1n, address: '203.0.113.1', port: 1 }
  await stranger.send(node, stranger.sealed(node, keys.initiator, pong))
  await until(() => known(node, stranger))
  for (let sequence = 2n; sequence < 22n; sequence += 1n)
    await stranger.send(node, stranger.sealed(node, keys.initiator, { ...ping, sequence }))
  let asked = 0
  for (let pongs = 0; pongs < 20; ) {
    const message = await stranger.message(keys.recipient)
    if (message?.type === 'pong') pongs += 1
    if (message?.type === 'findnode' && message.distances.join() === '0') asked += 1
  }
  t.equal(asked, 1)
})

t.test('TALKREQ is answered with nothing, and what is no message with silence', async (t) => {
  const node = await discv5Node(t)
  const stranger = await Stranger.at(t, '127.0.1.22')
  const { packet: challenge } = await stranger.challenged(node)
  const request: Message = { type: 'talkreq', id: Buffer.of(9), protocol: randomBytes(20), request: randomBytes(700) }
  const { keys, packet } = stranger.handshake(node, challenge, request, stranger.record.bytes)
  await stranger.send(node, packet)
  t.match(await stranger.answer(keys.recipient, 'talkresp'), { id: request.id, response: { length: 0 } })
  const unasked: Message = { type: 'nodes', id: Buffer.of(1), total: 1, records: [] }
  await counted(node, ['stray'], () => stranger.send(node, stranger.sealed(node, keys.initiator, unasked)))
  t.pass('an answer that nobody asked for is none')
  const own: Message = { type: 'findnode', id: Buffer.of(2), distances: [0] }
  await stranger.send(node, stranger.sealed(node, keys.initiator, own))
  t.match(await stranger.answer(keys.recipient, 'nodes'), { total: 1, records: [node.record().bytes] })
})
