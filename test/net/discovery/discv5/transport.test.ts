import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { nodeIdOf } from '../../../../src/net/discovery/discv5/ids.ts'
import { maxRequests, timings } from '../../../../src/net/discovery/discv5/limits.ts'
import { neighbourIn, type Reachable, Records } from '../../../../src/net/discovery/discv5/records.ts'
import { Transport } from '../../../../src/net/discovery/discv5/transport.ts'
import { signRecord } from '../../../../src/net/discovery/node-record.ts'
import { silentLog } from '../../../../src/telemetry/log.ts'

async function keyAndRecord(port: number) {
  const privateKey = await generateKeyPair('secp256k1')
  const content = { addresses: [multiaddr('/ip4/127.0.0.1/tcp/60000')], udpPort: port, capabilities: [] }
  return { privateKey: privateKey.raw, enr: signRecord(content, privateKey, 1n) }
}

t.test('a node is not asked while too many requests wait, and is not called silent for it', async (t) => {
  const { privateKey, enr } = await keyAndRecord(9000)
  const sent: number[] = []
  const transport = new Transport({
    id: nodeIdOf(enr.publicKey),
    privateKey,
    protocol: 'd5waku',
    own: () => enr,
    // Nobody answers.
    send: (_, { port }) => void sent.push(port),
    known: () => undefined,
    records: new Records(10),
    answer: () => [],
    met: () => {},
    count: () => {},
    log: silentLog(),
    clock: () => 0,
    timings,
  })
  const { enr: theirs } = await keyAndRecord(9001)
  const node = neighbourIn(theirs) as Reachable
  const at = (port: number): Reachable => ({
    ...node,
    record: { ...node.record, udp: { address: '127.0.0.1', port } },
  })
  const ask = (port: number) => transport.request(at(port), { type: 'ping', sequence: 1n })
  const waiting = Array.from({ length: maxRequests }, (_, index) => ask(10_000 + index))
  t.equal(await ask(9001), 'unasked')
  t.equal(sent.length, maxRequests)
  t.equal(sent.includes(9001), false)
  transport.close()
  t.same([...new Set(await Promise.all(waiting))], ['silence'])
})
