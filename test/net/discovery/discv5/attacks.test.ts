/** What a stranger may send over UDP, and what it brings it: each with what an honest node gets, beside it. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { idBytes } from '../../../../src/net/discovery/discv5/ids.ts'
import { unseal } from '../../../../src/net/discovery/discv5/keys.ts'
import { decodeMessage, type Message } from '../../../../src/net/discovery/discv5/messages.ts'
import { decodePacket, whoareyouData } from '../../../../src/net/discovery/discv5/packet.ts'
import { maxRecordBytes } from '../../../../src/net/discovery/enr.ts'
import { encodeList, encodeString } from '../../../../src/net/discovery/rlp.ts'
import { discv5Node, metricValue, quick, type TestNode } from '../../../kit/discv5.ts'
import { until } from '../../../kit/until.ts'
import { Stranger } from './stranger.ts'

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
