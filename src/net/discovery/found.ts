/** A peer that was found: who it is, where it is, what it says of itself, and who told us. */
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { peerSources } from '../../telemetry/metrics.ts'
import type { Enr } from './enr.ts'
import { type Capability, readRecord } from './node-record.ts'
import type { ShardSet } from './shard-fields.ts'

/** Who told us of a peer. */
export type Source = (typeof peerSources)[number]

export interface Found {
  readonly peerId: PeerId
  /** Each ends in `/p2p/<its id>`. */
  readonly addresses: readonly Multiaddr[]
  readonly source: Source
  /** Its record, with a signature that was checked. Absent: nobody vouches for the rest. */
  readonly record?: Enr | undefined
  /** Empty when nothing is known. */
  readonly capabilities: ReadonlySet<Capability>
  readonly shards?: ShardSet | undefined
}

/** Takes a peer that was found. It is quick and never throws: whoever finds peers does not wait. */
export type FoundListener = (found: Found) => void

/** What a record says, found by `source`. Throws `enr/malformed` when its key is none. */
export function foundIn(record: Enr, source: Source): Found {
  const { peerId, addresses, capabilities, shards } = readRecord(record)
  return { peerId, addresses, source, record, capabilities, shards }
}
