import assert from 'node:assert/strict'
import { proto_metadata as reference } from '@waku/proto'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { decodeMetadata, encodeMetadata } from '../../../src/protocols/metadata/codec.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

interface Row {
  id: string
  cluster?: number
  shards: number[]
  wire: string
}

const vectors = readVectors<{ written: Row[]; read: Row[] }>('metadata')
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

t.test('metadata has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, cluster, shards } of vectors.written) {
    t.equal(hexOf(encodeMetadata({ cluster, shards })), wire, id)
    t.same(decodeMetadata(bytesOf(wire)), { cluster, shards }, id)
    for (const theirs of [reference.WakuMetadataRequest, reference.WakuMetadataResponse]) {
      t.same(theirs.decode(bytesOf(wire)), { clusterId: cluster, shards }, `${id}: they read what we write`)
      t.same(decodeMetadata(theirs.encode({ clusterId: cluster, shards })), { cluster, shards }, `${id}: and we theirs`)
    }
  }
})

t.test('every form that a peer may choose is read', async (t) => {
  for (const { id, wire, cluster, shards } of vectors.read)
    t.same(decodeMetadata(bytesOf(wire)), { cluster, shards }, id)
})

t.test('nwaku reads 1 KiB: above, the shards are written once', async (t) => {
  for (const count of [0, 1, 254, 255, 256, 512, 1024]) {
    const metadata = { cluster: 1, shards: upTo(count) }
    const wire = encodeMetadata(metadata)
    t.same(decodeMetadata(wire), metadata)
    t.equal(reference.WakuMetadataResponse.decode(wire).shards.length, count <= 255 ? count : 0, `${count} shards`)
    if (count <= 512) t.ok(wire.length <= 1024, `${count} shards in ${wire.length} bytes`)
  }
})

t.test('any bytes are metadata or an error of ours', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (body) => {
      try {
        assert.ok(decodeMetadata(body).shards.every((shard) => shard < 1024))
      } catch (error) {
        assert.ok(isWaypostError(error, 'wire/malformed'))
      }
    }),
    { numRuns: 20_000 },
  )
})
