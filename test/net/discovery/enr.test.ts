import { readFileSync } from 'node:fs'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { EnrDecoder, ENR as WakuEnr } from '@waku/enr'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { decodeEnr, enrFromText, enrToText, maxRecordBytes, signEnr } from '../../../src/net/discovery/enr.ts'
import { type Capability, type OwnRecord, readRecord, signRecord } from '../../../src/net/discovery/node-record.ts'
import { encodeList, encodeString } from '../../../src/net/discovery/rlp.ts'
import { shardField, shardsIn } from '../../../src/net/discovery/shard-fields.ts'

/** @waku/enr has an encoder, which its door does not show. */
const encoder = new URL('../../../../node_modules/@waku/enr/dist/encoder.js', import.meta.url).href
const { EnrEncoder } = (await import(encoder)) as {
  EnrEncoder: { toString(enr: WakuEnr, privateKey: Uint8Array): Promise<string> }
}

interface Vectors {
  records: {
    id: string
    text: string
    sequence?: string
    capabilities: Capability[]
    shards?: { cluster: number; shards: number[] }
    peerId?: string
    addresses: string[]
    udp?: { address: string; port: number }
  }[]
  shards: { id: string; field: 'rs' | 'rsv'; hex: string; cluster: number; shards: number[] }[]
}

// Compiled tests stand in dist/test, vectors in test.
const file = new URL('../../../../test/vectors/enr.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

t.test('records of nwaku, go-waku and EIP-778 are read, and written the same', async (t) => {
  for (const { id, text, sequence, capabilities, shards, peerId, addresses, udp } of vectors.records) {
    const enr = enrFromText(text)
    const record = readRecord(enr)
    t.equal(enrToText(enr), text, id)
    t.same([...record.capabilities], capabilities, `${id}: capabilities`)
    t.same(record.shards, shards, `${id}: shards`)
    t.same(
      record.addresses.map(String),
      addresses.map((address) => `${address}/p2p/${record.peerId}`),
      `${id}: addresses`,
    )
    if (peerId !== undefined) t.equal(record.peerId.toString(), peerId, `${id}: peer id`)
    if (sequence !== undefined) t.equal(record.sequence, BigInt(sequence), `${id}: sequence`)
    if (udp !== undefined) t.same(record.udp, udp, `${id}: udp`)
  }
})

t.test('shards are written as nwaku writes them', async (t) => {
  for (const { id, field, hex, cluster, shards } of vectors.shards)
    t.same(shardsIn(new Map([[field, Buffer.from(hex, 'hex')]])), { cluster, shards }, id)
  const [list] = vectors.shards
  t.same(shardField({ cluster: 73, shards: [1, 10, 1] }), ['rs', Buffer.from(list?.hex ?? '', 'hex')])
  const many = Array.from({ length: 64 }, (_, index) => index * 16)
  const [key, value] = shardField({ cluster: 16, shards: many })
  t.equal(key, 'rsv')
  t.same(shardsIn(new Map([[key, value]])), { cluster: 16, shards: many })
})

t.test('rs counts before rsv, and rsv where rs is malformed', async (t) => {
  const rs = Buffer.from('0049020001000a', 'hex')
  const [, rsv] = shardField({ cluster: 5, shards: Array.from({ length: 64 }, (_, index) => index) })
  t.equal(
    shardsIn(
      new Map([
        ['rs', rs],
        ['rsv', rsv],
      ]),
    )?.cluster,
    73,
  )
  t.equal(
    shardsIn(
      new Map([
        ['rs', rs.subarray(1)],
        ['rsv', rsv],
      ]),
    )?.cluster,
    5,
  )
})

const own: OwnRecord = {
  addresses: [
    '/ip4/192.0.2.7/tcp/60000',
    '/ip4/192.0.2.7/tcp/8000/ws',
    '/dns4/node.example/tcp/443/wss',
    '/ip4/10.0.0.7/tcp/60000',
    '/ip4/127.0.0.1/tcp/60000',
  ].map((address) => multiaddr(address)),
  udpPort: 9000,
  capabilities: ['relay', 'store', 'lightpush'],
  shards: { cluster: 1, shards: [0, 1, 2, 3, 4, 5, 6, 7] },
}

t.test('an address at a circuit relay stands in a record as the one of the relay, and comes back whole', async (t) => {
  const [key, relay] = [await generateKeyPair('secp256k1'), peerIdFromPrivateKey(await generateKeyPair('Ed25519'))]
  const own = peerIdFromPrivateKey(key)
  const address = `/ip4/192.0.2.9/tcp/60000/p2p/${relay}`
  const relayed = multiaddr(`${address}/p2p-circuit/p2p/${own}`)
  const record = decodeEnr(signRecord({ addresses: [relayed], capabilities: [] }, key, 1n).bytes)
  const bytes = multiaddr(address).bytes
  const length = Buffer.from([0, bytes.length])
  t.same(Buffer.from(record.pairs.get('multiaddrs') ?? []), Buffer.concat([length, bytes]))
  t.same(readRecord(record).addresses.map(String), [relayed.toString()])
})

t.test('our record says what we are, and leaves out what others cannot reach', async (t) => {
  const key = await generateKeyPair('secp256k1')
  const enr = signRecord(own, key, 1_764_000_000_000n)
  const { addresses, capabilities, shards, sequence, udp } = readRecord(decodeEnr(enr.bytes))
  t.same(
    addresses.map((address) => address.toString().replace(/\/p2p\/.*/, '')),
    own.addresses.slice(0, 3).map(String),
  )
  t.same([...capabilities], ['relay', 'store', 'lightpush'])
  t.same(shards, own.shards)
  t.equal(sequence, 1_764_000_000_000n)
  t.same(udp, { address: '192.0.2.7', port: 9000 })
})

t.test('a node that only this machine can reach says so', async (t) => {
  const local = ['/ip4/127.0.0.1/tcp/60000', '/ip4/127.0.0.1/tcp/8000/ws'].map((address) => multiaddr(address))
  const enr = signRecord({ ...own, addresses: local }, await generateKeyPair('secp256k1'), 1n)
  t.equal(readRecord(enr).addresses.length, 2)
})

t.test('addresses that do not fit into 300 bytes are left out, the last first', async (t) => {
  const long = Array.from({ length: 9 }, (_, index) =>
    multiaddr(`/dns4/${'x'.repeat(40)}.example/tcp/${index + 1}/wss`),
  )
  const enr = signRecord({ ...own, addresses: [...own.addresses.slice(0, 1), ...long] }, await key(), 1n)
  const { addresses } = readRecord(enr)
  t.ok(enr.bytes.length <= maxRecordBytes)
  t.ok(addresses.length > 1 && addresses.length < 10)
  t.match(addresses.at(-1)?.toString(), `/tcp/${addresses.length - 1}/wss`)
})

t.test('a node of all shards at an IPv6 address has a record, if need be without its discv5', async (t) => {
  const key = await generateKeyPair('secp256k1')
  const addresses = [multiaddr('/ip6/2001:db8:1:2:3:4:5:6/tcp/60000')]
  const recordOf = (count: number) => {
    const shards = { cluster: 65535, shards: Array.from({ length: count }, (_, shard) => shard) }
    return readRecord(
      signRecord({ addresses, udpPort: 9000, capabilities: ['relay'], shards }, key, BigInt(Date.now())),
    )
  }
  t.equal(recordOf(8).udp?.port, 9000)
  for (const count of [63, 64, 1024]) {
    t.equal(recordOf(count).shards?.shards.length, count)
    t.match(recordOf(count).addresses.map(String), [/tcp\/60000/])
  }
})

t.test('@waku/enr reads our record', async (t) => {
  const enr = signRecord(own, await key(), 7n)
  const theirs = await EnrDecoder.fromString(enrToText(enr))
  t.equal(theirs.seq, 7n)
  t.equal(theirs.peerId?.toString(), readRecord(enr).peerId.toString())
  t.match(theirs.waku2, { relay: true, store: true, filter: false, lightPush: true })
  t.same(theirs.shardInfo, { clusterId: 1, shards: [0, 1, 2, 3, 4, 5, 6, 7] })
  t.equal(theirs.getLocationMultiaddr?.('tcp' as never)?.toString(), '/ip4/192.0.2.7/tcp/60000')
  t.same(theirs.multiaddrs?.map(String), ['/ip4/192.0.2.7/tcp/8000/ws', '/dns4/node.example/tcp/443/wss'])
})

t.test('we read the record of @waku/enr', async (t) => {
  const { raw, publicKey } = await key()
  const theirs = WakuEnr.create({ id: Buffer.from('v4'), secp256k1: publicKey.raw }, 9n)
  theirs.waku2 = { relay: true, store: false, filter: true, lightPush: false }
  theirs.set('ip', Buffer.of(192, 0, 2, 9))
  theirs.set('tcp', Buffer.of(0xea, 0x61))
  // It asks for the peer id in the way of the multiaddr library of its time.
  const wss = Object.assign(multiaddr('/dns4/node.example/tcp/8000/wss'), { getPeerId: () => null })
  theirs.multiaddrs = [wss] as never
  const record = readRecord(enrFromText(await EnrEncoder.toString(theirs, raw)))
  t.equal(record.sequence, theirs.seq)
  t.same([...record.capabilities], ['relay', 'filter'])
  t.same(record.addresses.map(String), [
    `/ip4/192.0.2.9/tcp/60001/p2p/${record.peerId}`,
    `/dns4/node.example/tcp/8000/wss/p2p/${record.peerId}`,
  ])
})

t.test('a record that is changed, cut, padded or not canonical is refused', async (t) => {
  const { raw } = await key()
  const { bytes } = signEnr(new Map([['a', Buffer.of(1)]]), raw, 1n)
  const refused = (id: string, wrong: Uint8Array): void => {
    t.throws(() => decodeEnr(wrong), { code: 'enr/malformed' }, id)
  }
  t.doesNotThrow(() => decodeEnr(bytes), 'as it was')
  refused('changed', Buffer.from(bytes).fill(2, bytes.length - 1))
  refused('cut', bytes.subarray(0, -1))
  refused('padded', Buffer.concat([bytes, Buffer.of(0)]))
  refused('empty', new Uint8Array())
  refused('too long', Buffer.alloc(maxRecordBytes + 1))
  refused('no list', encodeString(bytes))
  refused('no pairs', encodeList([encodeString(Buffer.alloc(64)), encodeString(Buffer.of(1))]))
  t.throws(() => enrFromText('enr:+/=='), { code: 'enr/malformed' })
  t.throws(() => enrFromText('enrtree:abc'), { code: 'enr/malformed' })
})

t.test('an address field of wrong form is as if it were not there', async (t) => {
  const { raw } = await key()
  const read = (...pairs: [string, string][]) =>
    readRecord(signEnr(new Map(pairs.map(([key, hex]) => [key, Buffer.from(hex, 'hex')])), raw, 1n))
  t.same(read(['multiaddrs', '0000']).addresses, [], 'a length of 0')
  t.same(read(['multiaddrs', '00ff04']).addresses, [], 'a length beyond the end')
  const valid = Buffer.from(multiaddr('/ip4/127.0.0.1/tcp/80/ws').bytes).toString('hex')
  const one = `${(valid.length / 2).toString(16).padStart(4, '0')}${valid}`
  t.equal(read(['multiaddrs', `0002ffff${one}`]).addresses.length, 1, 'an address that does not parse is skipped')
  t.same(read(['ip', '7f0000'], ['tcp', '0050']).addresses, [], 'three bytes of an address')
  t.equal(read(['ip', '7f000001'], ['tcp', '50']).addresses.length, 1, 'a port of one byte')
  t.same([...read(['waku2', '0304']).capabilities], [], 'two bytes of capabilities')
  t.same([...read(['waku2', '']).capabilities], [], 'none')
})

t.test('whatever bytes come, a record is read or refused as malformed', async (t) => {
  const { bytes } = signRecord(own, await key(), 1n)
  const attempt = (input: Uint8Array): boolean => {
    try {
      readRecord(decodeEnr(input))
      return true
    } catch (error) {
      return isWaypostError(error, 'enr/malformed')
    }
  }
  const random = fc.property(fc.uint8Array({ maxLength: 320 }), attempt)
  t.doesNotThrow(() => fc.assert(random, { numRuns: 2000 }))
  const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255), cut: fc.nat(bytes.length) })
  const changed = fc.property(change, ({ at, to, cut }) =>
    attempt(
      Buffer.from(bytes)
        .fill(to, at, at + 1)
        .subarray(0, cut),
    ),
  )
  t.doesNotThrow(() => fc.assert(changed, { numRuns: 500 }))
})

t.test('whatever the fields hold, a signed record is read', async (t) => {
  const { raw } = await key()
  const keys = fc.constantFrom('ip', 'tcp', 'udp', 'ip6', 'tcp6', 'udp6', 'multiaddrs', 'rs', 'rsv', 'waku2')
  const fields = fc.array(fc.tuple(keys, fc.uint8Array({ maxLength: 40 })), { maxLength: 4 })
  const read = fc.property(fields, (pairs) => readRecord(signEnr(new Map(pairs), raw, 1n)).sequence === 1n)
  t.doesNotThrow(() => fc.assert(read, { numRuns: 300 }))
})

function key() {
  return generateKeyPair('secp256k1')
}
