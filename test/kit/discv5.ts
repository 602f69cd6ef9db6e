/** Nodes that run discv5 alone, on loopback, each on a free port, torn down with the test. */
import { isIP } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { sharesShard } from '../../src/net/discovery/discv5/filter.ts'
import { type Discv5, type Discv5Options, startDiscv5 } from '../../src/net/discovery/discv5/service.ts'
import type { Enr } from '../../src/net/discovery/enr.ts'
import { type Capability, readRecord, signRecord } from '../../src/net/discovery/node-record.ts'
import type { ShardSet } from '../../src/net/discovery/shard-fields.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import type { Owner } from './owner.ts'

export interface TestNodeOptions extends Partial<Omit<Discv5Options, 'privateKey' | 'record' | 'found'>> {
  /** What the record says of it; relay on shard 0 of cluster 16 unless said otherwise. */
  readonly capabilities?: readonly Capability[]
  readonly shards?: ShardSet
  /** Its node key; a new one unless it comes back. */
  readonly key?: PrivateKey
  /** Of its first record. */
  readonly sequence?: bigint
}

export interface TestNode {
  readonly privateKey: PrivateKey
  readonly discv5: Discv5
  readonly metrics: Metrics
  /** The peers that were found, by their ids, with the newest record of each. */
  readonly found: ReadonlyMap<string, Enr>
  readonly peerId: string
  /** Its record as it is now. */
  record(): Enr
  /** Signs another record, with a higher sequence number. */
  change(shards: ShardSet): void
  stop(): Promise<void>
}

/** Short enough for a test, long enough for a busy machine. */
export const quick = { request: 2000, handshake: 3000, liveness: 1000, tick: 100, walk: { first: 200, most: 1000 } }

/** A started node on 127.0.0.1, or the loopback address given. */
export async function discv5Node(t: Owner, options: TestNodeOptions = {}): Promise<TestNode> {
  const { address = '127.0.0.1', capabilities = ['relay'] } = options
  const privateKey = options.key ?? (await generateKeyPair('secp256k1'))
  const metrics = createMetrics()
  const found = new Map<string, Enr>()
  let shards = options.shards ?? { cluster: 16, shards: [0] }
  let { sequence = 1n } = options
  let udpPort: number | undefined
  const sign = (): Enr =>
    signRecord(
      { addresses: [multiaddr(`/ip${isIP(address)}/${address}/tcp/60000`)], udpPort, capabilities, shards },
      privateKey,
      sequence,
    )
  let record = sign()
  const change = (next: ShardSet): void => {
    shards = next
    sequence += 1n
    record = sign()
  }
  const discv5 = await startDiscv5({
    port: 0,
    bootstrap: [],
    accepts: (theirs) => sharesShard(theirs, shards),
    tableIpLimit: 10,
    bucketIpLimit: 2,
    bitsPerHop: 1,
    log: silentLog(),
    timings: quick,
    metrics,
    ...options,
    address,
    privateKey,
    record: () => record,
    found: (enr) => void found.set(readRecord(enr).peerId.toString(), enr),
  })
  udpPort = discv5.port
  change(shards)
  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    stopping ??= discv5[Symbol.asyncDispose]()
    await stopping
  }
  t.teardown(stop)
  return {
    privateKey,
    discv5,
    metrics,
    found,
    peerId: readRecord(record).peerId.toString(),
    record: () => record,
    change,
    stop,
  }
}

/** The value of a counter or gauge with these labels. */
export async function metricValue(
  metrics: Metrics,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const metric = await metrics.registry.getSingleMetric(name)?.get()
  const values = metric?.values ?? []
  const fits = values.filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value))
  return fits.reduce((sum, { value }) => sum + value, 0)
}
