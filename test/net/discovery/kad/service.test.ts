/** What a node of the DHT does for others, and what it does not. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../../src/core/errors.ts'
import { distance } from '../../../../src/net/discovery/discv5/ids.ts'
import { type Contact, decodeKad, encodeKad, Type } from '../../../../src/net/discovery/kad/codec.ts'
import {
  type ExtensibleRecord,
  openExtensible,
  sealExtensible,
} from '../../../../src/net/discovery/kad/extensible-record.ts'
import { keyOfPeer, placed, placeOf } from '../../../../src/net/discovery/kad/ids.ts'
import { KeptRecords } from '../../../../src/net/discovery/kad/kept-records.ts'
import { recordLife } from '../../../../src/net/discovery/kad/limits.ts'
import { kadService } from '../../../../src/net/discovery/kad/service.ts'
import { Table } from '../../../../src/net/discovery/kad/table.ts'
import { holds } from '../../../kit/property.ts'

const self = placeOf(Buffer.from('self'))
const malformed = (error: unknown): boolean => isWaypostError(error, 'wire/malformed')
const refusal = { code: 'wire/malformed' }

async function peer(): Promise<{ key: PrivateKey; id: string; contact: Contact }> {
  const key = await generateKeyPair('secp256k1')
  const peerId = peerIdFromPrivateKey(key)
  return { key, id: `${peerId}`, contact: { peerId, addresses: [multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${peerId}`)] } }
}

async function recordOf(key: PrivateKey, sequence = 1n): Promise<{ record: ExtensibleRecord; envelope: Uint8Array }> {
  const record = { peerId: peerIdFromPrivateKey(key), sequence, addresses: [], services: [] }
  return { record, envelope: await sealExtensible(record, key) }
}

function serve() {
  const table = new Table(self)
  const kept = new KeptRecords({ self })
  const service = kadService({ table, kept, own: () => undefined })
  const ask = async (message: Partial<Parameters<typeof encodeKad>[0]>, from: string) => {
    const request = encodeKad({ type: Type.ping, key: Buffer.of(), closer: [], ...message })
    return decodeKad(await service.answer(service.decode(request), from))
  }
  return { table, kept, ask }
}

t.test('a peer puts its own record, and everybody gets it', async (t) => {
  const { ask } = serve()
  const { key, id } = await peer()
  const { record, envelope } = await recordOf(key)
  const put = await ask({ type: Type.putValue, key: keyOfPeer(record.peerId), value: envelope }, id)
  t.same(put.value, envelope, 'what is kept goes back')
  const got = await ask({ type: Type.getValue, key: keyOfPeer(record.peerId) }, 'somebody')
  t.ok((await openExtensible(got.value ?? Buffer.of())).peerId.equals(record.peerId))
  const none = await ask({ type: Type.getValue, key: Buffer.from('nobody') }, 'somebody')
  t.equal(none.value, undefined)
})

t.test('a record is refused that is of another peer, under another key, or older', async (t) => {
  const { ask, kept } = serve()
  const { key, id, contact } = await peer()
  const other = await peer()
  const own = keyOfPeer(contact.peerId)
  const { envelope } = await recordOf(key, 5n)
  const put = (value: Uint8Array, under = own, from = id) => ask({ type: Type.putValue, key: under, value }, from)
  await t.rejects(put(envelope, own, other.id), refusal, 'put by another')
  await t.rejects(put(envelope, keyOfPeer(other.contact.peerId), other.id), refusal, 'under the key of another')
  await t.rejects(put((await recordOf(other.key)).envelope), refusal, 'signed by another')
  await t.rejects(ask({ type: Type.putValue, key: own }, id), refusal, 'without a record')
  t.equal(kept.size, 0)
  await put(envelope)
  await t.rejects(put((await recordOf(key, 4n)).envelope), refusal, 'older')
  await put((await recordOf(key, 6n)).envelope)
  t.equal(kept.size, 1)
})

t.test('providers of content are not taken in', async (t) => {
  const { ask, kept } = serve()
  await t.rejects(ask({ type: 2, key: Buffer.from('content') }, 'somebody'), refusal)
  t.same((await ask({ type: Type.ping }, 'somebody')).type, Type.ping)
  t.equal(kept.size, 0)
})

t.test('of too many records those closest to us stay, and each for its time', async (t) => {
  let now = 0
  const kept = new KeptRecords({ self, capacity: 8, clock: () => now })
  const peers = await Promise.all(Array.from({ length: 24 }, peer))
  for (const { key } of peers) {
    const { record, envelope } = await recordOf(key)
    kept.put(record, envelope)
  }
  t.equal(kept.size, 8)
  const far = ({ contact }: { contact: Contact }) => distance(placeOf(keyOfPeer(contact.peerId)), self)
  const closest = [...peers].sort((one, other) => (far(one) < far(other) ? -1 : 1)).slice(0, 8)
  for (const { contact } of closest) t.ok(kept.get(keyOfPeer(contact.peerId)))
  now = recordLife
  for (const { contact } of closest) t.equal(kept.get(keyOfPeer(contact.peerId)), undefined)
})

t.test('the closest nodes of the table are told of, never to themselves', async (t) => {
  const { table, ask } = serve()
  const peers = await Promise.all(Array.from({ length: 60 }, peer))
  for (const { contact } of peers) table.answered(placed(contact))
  const [asking] = peers
  const { closer } = await ask({ type: Type.findNode, key: Buffer.from('anything') }, asking?.id ?? '')
  t.ok(closer.length > 15 && closer.length <= 20)
  t.notOk(closer.some(({ peerId }) => `${peerId}` === asking?.id))
  t.match(String(closer[0]?.addresses[0]), /^\/ip4\/127\.0\.0\.1\/tcp\/1\/p2p\//)
})

t.test('one network of the internet fills neither a bucket nor the table', async (t) => {
  const table = new Table(self)
  const at = async (address: string) => {
    const { contact } = await peer()
    return placed({ ...contact, addresses: [multiaddr(`/ip4/${address}/tcp/1/p2p/${contact.peerId}`)] })
  }
  for (let host = 1; host <= 80; host += 1) table.answered(await at(`8.8.0.${host}`))
  t.ok(table.size <= 10)
  for (let net = 0; net < 10; net += 1) table.answered(await at(`9.9.${net}.1`))
  t.ok(table.size > 10, 'others find their place')
})

t.test('a node that does not answer twice in a row leaves the table', async (t) => {
  const table = new Table(self)
  const node = placed((await peer()).contact)
  table.answered(node)
  table.failed(node.id)
  table.answers(node.id)
  table.failed(node.id)
  t.ok(table.has(node.id))
  table.failed(node.id)
  t.notOk(table.has(node.id))
})

t.test('whatever bytes come, a message or an error of ours comes of them', async (t) => {
  const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    try {
      return decodeKad(bytes).closer.length <= 20
    } catch (error) {
      return malformed(error)
    }
  })
  holds(t, property, { numRuns: 500 })
})
