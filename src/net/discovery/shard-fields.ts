/**
 * The shards in a node record: `rs`, a list, or `rsv`, one bit for each shard of the cluster (RELAY-SHARDING,
 * https://github.com/waku-org/specs/blob/c5fe03e5166e/standards/core/relay-sharding.md, "discovery").
 */
import { shardsPerCluster } from '../../core/topics.ts'
import type { Field } from './address-fields.ts'

/** Below this many shards they are listed, from it on they are bits: nwaku and go-waku. */
const listedShards = 64

/** Bytes of `rsv`: the cluster, and one bit for each shard. */
const bitVectorBytes = 2 + shardsPerCluster / 8

/** Shards of one cluster. */
export interface ShardSet {
  readonly cluster: number
  readonly shards: readonly number[]
}

/** The one field that says which shards a node follows. */
export function shardField({ cluster, shards }: ShardSet): Field {
  const distinct = [...new Set(shards)]
  return distinct.length < listedShards ? ['rs', listed(cluster, distinct)] : ['rsv', bitVector(cluster, distinct)]
}

/** The shards of a record; `rs` counts where both fields are valid. */
export function shardsIn(fields: ReadonlyMap<string, Uint8Array>): ShardSet | undefined {
  return listedIn(fields.get('rs')) ?? bitsIn(fields.get('rsv'))
}

/** The cluster in two bytes, the count in one, each shard in two. */
function listed(cluster: number, shards: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(3 + 2 * shards.length)
  bytes.writeUInt16BE(cluster)
  bytes.writeUInt8(shards.length, 2)
  for (const [index, shard] of shards.entries()) bytes.writeUInt16BE(shard, 3 + 2 * index)
  return bytes
}

/** The cluster in two bytes, then shard s as bit s mod 8, from the lowest, of byte s div 8: nwaku and go-waku. */
function bitVector(cluster: number, shards: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(bitVectorBytes)
  bytes.writeUInt16BE(cluster)
  for (const shard of shards) bytes[2 + (shard >> 3)] = (bytes[2 + (shard >> 3)] ?? 0) | (1 << (shard & 7))
  return bytes
}

function listedIn(field: Uint8Array | undefined): ShardSet | undefined {
  const bytes = Buffer.from(field ?? [])
  if (bytes.length < 3 || bytes.length !== 3 + 2 * (bytes[2] ?? 0)) return undefined
  const shards = Array.from({ length: bytes[2] ?? 0 }, (_, index) => bytes.readUInt16BE(3 + 2 * index))
  if (shards.some((shard) => shard >= shardsPerCluster)) return undefined
  return { cluster: bytes.readUInt16BE(), shards: [...new Set(shards)] }
}

function bitsIn(field: Uint8Array | undefined): ShardSet | undefined {
  if (field?.length !== bitVectorBytes) return undefined
  const isSet = (shard: number): boolean => ((field[2 + (shard >> 3)] ?? 0) & (1 << (shard & 7))) !== 0
  const shards = Array.from({ length: shardsPerCluster }, (_, shard) => shard).filter(isSet)
  return { cluster: Buffer.from(field).readUInt16BE(), shards }
}
