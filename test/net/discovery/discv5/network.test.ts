import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { idBytes, idFrom, nodeIdOf } from '../../../../src/net/discovery/discv5/ids.ts'
import { encodePacket, handshakeData } from '../../../../src/net/discovery/discv5/packet.ts'
import type { Enr } from '../../../../src/net/discovery/enr.ts'
import { readRecord } from '../../../../src/net/discovery/node-record.ts'
import { discv5Node, metricValue, type TestNode } from '../../../kit/discv5.ts'
import { until } from '../../../kit/until.ts'
import { headOf } from './stranger.ts'

const addresses = Array.from({ length: 20 }, (_, index) => `127.0.0.${index + 1}`)
const texts = (records: readonly Enr[]): string[] =>
  records.map(({ publicKey }) => Buffer.from(publicKey).toString('hex'))

t.test('twenty nodes find each other from one of them, outlive a third of them, and ignore a flood', async (t) => {
  const [first, ...rest] = addresses
  const bootstrap = await discv5Node(t, { address: first })
  const others = await Promise.all(rest.map((address) => discv5Node(t, { address, bootstrap: [bootstrap.record()] })))
  const all = [bootstrap, ...others]
  const knowsAll = (node: TestNode, these: readonly TestNode[]) =>
    these.every((other) => other === node || node.found.has(other.peerId))
  await until(() => all.every((node) => knowsAll(node, all)))
  t.pass('each has found the nineteen others')
  t.ok(all.every(({ discv5 }) => discv5.size > 0))

  const dead = all.filter((_, index) => index % 3 === 0)
  const alive = all.filter((node) => !dead.includes(node))
  await Promise.all(dead.map((node) => node.stop()))
  const gone = new Set(texts(dead.map((node) => node.record())))
  await until(() => alive.every(({ discv5 }) => texts(discv5.nodes).every((key) => !gone.has(key))))
  t.pass('the dead, the bootstrap node among them, have left every table')

  const late = await discv5Node(t, { address: '127.0.0.99', bootstrap: alive.slice(0, 1).map((node) => node.record()) })
  await until(() => knowsAll(late, alive))
  t.pass('a newcomer finds those that are left')

  const [victim] = alive
  if (victim === undefined) return t.fail('nobody is left')
  const before = texts(victim.discv5.nodes).sort()
  const outcome = (name: string) => metricValue(victim.metrics, 'waypost_discv5_packets_total', { outcome: name })
  await flood(victim)
  for (const name of ['malformed', 'challenged', 'stray', 'limited'])
    t.ok((await outcome(name)) > 0, `the flood was ${name}`)
  t.equal(await outcome('failed'), 0, 'nothing was thrown')
  t.same(
    before.filter((key) => !texts(victim.discv5.nodes).includes(key)),
    [],
    'its table has those that it had',
  )
  const last = await discv5Node(t, { address: '127.0.0.100', bootstrap: [victim.record()] })
  await until(() => last.found.has(victim.peerId))
  t.pass('and it still answers honest nodes')
})

/** Sends 3,000 forged packets of all kinds to a node, from an address of its own. */
async function flood(victim: TestNode): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind({ address: '127.0.0.200', port: 0 }, resolve))
  const id = nodeIdOf(victim.record().publicKey)
  const kinds = [
    () => randomBytes(200),
    () => randomBytes(1400),
    () => randomBytes(20),
    () => forged(id, 'message', idBytes(idFrom(randomBytes(32)))),
    () => forged(id, 'whoareyou', randomBytes(24), Buffer.alloc(0)),
    () =>
      forged(
        id,
        'handshake',
        handshakeData(idFrom(randomBytes(32)), {
          signature: randomBytes(64),
          ephemeralKey: randomBytes(33),
          record: randomBytes(200),
        }),
      ),
  ]
  const packets = Array.from({ length: 3000 }, (_, index) => kinds[index % kinds.length]?.() ?? randomBytes(100))
  const { address } = readRecord(victim.record()).udp ?? {}
  for (const packet of packets) {
    await new Promise((resolve) => socket.send(packet, victim.discv5.port, address, resolve))
    // The victim runs in this process, and has its turn, or the system would drop most of them.
    await setImmediate()
  }
  await new Promise<void>((resolve) => socket.close(resolve))
}

function forged(
  to: string,
  kind: 'message' | 'whoareyou' | 'handshake',
  authdata: Uint8Array,
  message = randomBytes(60),
) {
  return encodePacket(to, headOf(kind, authdata), message)
}
