import { proto_peer_exchange as reference } from '@waku/proto'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import {
  decodeQuery,
  decodeResponse,
  encodeQuery,
  encodeResponse,
  Status,
} from '../../../src/protocols/peer-exchange/codec.ts'
import { maxRecords } from '../../../src/protocols/peer-exchange/limits.ts'
import { holds } from '../../kit/property.ts'

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const hex = (wire: Uint8Array): string => Buffer.from(wire).toString('hex')

t.test('a query has its golden bytes, and is read as nwaku, go-waku and @waku/proto write it', async (t) => {
  t.equal(hex(encodeQuery(5)), '0a020805')
  t.equal(decodeQuery(bytes('0a02 0805')), 5, 'go-waku')
  t.equal(decodeQuery(bytes('0a02 0805 1202 5000')), 5, 'nwaku: with a response of status 0')
  t.equal(decodeQuery(reference.PeerExchangeRPC.encode({ query: { numPeers: 7n } })), 7)
  t.equal(decodeQuery(bytes('0a00')), 6, 'the program of go-waku 0.10, which names no number: a mesh of peers')
  t.equal(decodeQuery(bytes('0a02 0800')), 0, 'and who asks for none gets none')
  t.same(reference.PeerExchangeRPC.decode(encodeQuery(9)).query, { numPeers: 9n })
})

t.test('however many are asked for, nobody gets more than the bound', async (t) => {
  t.equal(decodeQuery(reference.PeerExchangeRPC.encode({ query: { numPeers: 2n ** 32n } })), maxRecords)
  t.equal(decodeQuery(reference.PeerExchangeRPC.encode({ query: { numPeers: 2n ** 64n - 1n } })), maxRecords)
})

t.test('a request without a query is refused', async (t) => {
  for (const wire of ['', '1202 5000', '0802', '0a05 08', 'ff'])
    t.throws(() => decodeQuery(bytes(wire)), { code: 'wire/malformed' }, wire)
})

t.test('a response has the query that nwaku demands, and is read by @waku/proto', async (t) => {
  const records = [bytes('aa'), bytes('bbcc')]
  const wire = encodeResponse({ records, status: Status.success, reason: '' })
  t.equal(hex(wire), ['0a020800', '120e', '0a030a01aa', '0a040a02bbcc', '50c801'].join(''))
  t.same(decodeResponse(wire), { records, status: 200, reason: '' })
  const theirs = reference.PeerExchangeRPC.decode(wire)
  t.same(
    theirs.response?.peerInfos.map(({ enr }) => hex(enr ?? bytes(''))),
    ['aa', 'bbcc'],
  )
  const refused = { records: [], status: Status.tooManyRequests, reason: 'later' }
  t.same(decodeResponse(encodeResponse(refused)), refused)
})

t.test('a response without a status succeeded where records are: nwaku', async (t) => {
  const peerInfos = [{ enr: bytes('aa') }]
  t.equal(
    decodeResponse(reference.PeerExchangeRPC.encode({ response: { peerInfos } })).status,
    Status.success,
    'go-waku',
  )
  t.equal(decodeResponse(reference.PeerExchangeRPC.encode({ response: { peerInfos: [] } })).status, Status.unavailable)
  t.throws(() => decodeResponse(reference.PeerExchangeRPC.encode({ query: { numPeers: 1n } })), {
    code: 'wire/malformed',
  })
})

t.test('records above the bound are left out', async (t) => {
  const peerInfos = Array.from({ length: 100 }, () => ({ enr: bytes('aa') }))
  t.equal(decodeResponse(reference.PeerExchangeRPC.encode({ response: { peerInfos } })).records.length, maxRecords)
})

t.test('whatever comes, it is read or refused with an error of ours', async (t) => {
  const good = encodeResponse({ records: [bytes('aabb')], status: 200, reason: 'x' })
  const mutated = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
    const wire = Uint8Array.from(good)
    wire[at] = byte
    return wire
  })
  for (const read of [decodeQuery, decodeResponse] as const)
    holds(
      t,
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated), (wire) => {
        try {
          return read(wire) !== undefined
        } catch (error) {
          return isWaypostError(error, 'wire/malformed')
        }
      }),
      { numRuns: 1000 },
    )
})
