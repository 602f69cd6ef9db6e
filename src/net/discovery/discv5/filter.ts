/** Which of the nodes that discv5 finds are for us: 33/WAKU2-DISCV5, and nwaku. */
import type { NodeRecord } from '../node-record.ts'
import type { ShardSet } from '../shard-fields.ts'

/** True for a Waku node (one capability at least) on one of our shards. Without shards of our own all are taken. */
export function sharesShard({ capabilities, shards }: NodeRecord, own: ShardSet | undefined): boolean {
  if (own === undefined || own.shards.length === 0) return true
  if (capabilities.size === 0 || shards?.cluster !== own.cluster) return false
  return shards.shards.some((shard) => own.shards.includes(shard))
}
