/**
 * Metadata 1.0.0: two peers tell each other their cluster and the shards that they follow, 66/WAKU2-METADATA,
 * https://github.com/vacp2p/rfc-index/blob/155c310d7bfa/docs/messaging/standards/core/66/metadata.md
 */
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'
import { shardsPerCluster } from '../../core/topics.ts'

export const metadataProtocol = '/vac/waku/metadata/1.0.0'

/** What a peer says of itself: request and response alike. */
export interface Metadata {
  /** Absent when it was not on the wire. */
  readonly cluster?: number
  /** None for a light client. */
  readonly shards: readonly number[]
}

/** nwaku writes the shards twice, as the specification has them and packed; it and go-waku read the packed ones first. */
const Field = { cluster: 1, shards: 2, packedShards: 3 } as const

/** Bytes that nwaku reads of a request or response (waku/waku_metadata/protocol.nim). */
const readableBytes = 1024

/** Writes both forms of the shards as long as nwaku can read that (255 shards), above it the packed one alone. */
export function encodeMetadata(metadata: Metadata): Uint8Array {
  const both = write(metadata, metadata.shards)
  return both.length <= readableBytes ? both : write(metadata, [])
}

function write({ cluster, shards }: Metadata, unpacked: readonly number[]): Uint8Array {
  const writer = new ProtobufWriter(shards.length * 8 + 16)
  if (cluster !== undefined) writer.uint32(Field.cluster, cluster)
  for (const shard of unpacked) writer.uint32(Field.shards, shard)
  if (shards.length > 0) writer.packed(Field.packedShards, shards)
  return writer.finish()
}

/** Reads either form. What is no shard (1024 and above, or twice there) is left out. Throws `wire/malformed`. */
export function decodeMetadata(body: Uint8Array): Metadata {
  const reader = new ProtobufReader(body, 'metadata')
  let cluster: number | undefined
  const shards: number[] = []
  const packed: number[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case Field.cluster:
        cluster = reader.uint32()
        break
      case Field.shards:
        shards.push(...reader.uint32s())
        break
      case Field.packedShards:
        packed.push(...reader.uint32s())
        break
      default:
        reader.skip()
    }
  }
  const reported = packed.length > 0 ? packed : shards
  return { cluster, shards: [...new Set(reported)].filter((shard) => shard < shardsPerCluster) }
}
