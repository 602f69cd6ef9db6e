/** Metadata: we tell our cluster and shards, ask each new peer for its own, and part from those of another cluster. */
import { type Switch, serveExchange } from '../../net/exchange.ts'
import { Quota } from '../../net/quota.ts'
import type { Metadata } from './codec.ts'
import { metadataRates } from './limits.ts'
import { type NeighbourParts, Neighbours } from './neighbours.ts'
import { metadataService } from './service.ts'

export interface MetadataOptions extends Omit<NeighbourParts, 'ours'> {
  readonly libp2p: Switch & NeighbourParts['libp2p']
  /** The shards that we follow at this moment. */
  readonly shards: () => readonly number[]
  /** How often peers may ask; unless given, as often as `metadataRates` says. */
  readonly quota?: Quota
}

export interface MetadataProtocol extends AsyncDisposable {
  /** What the connected peer with this id said of itself; undefined while it has said nothing. */
  of(peer: string): Metadata | undefined
}

/** Exchanges metadata with the peers of `libp2p` until it is disposed of. */
export async function metadata(options: MetadataOptions): Promise<MetadataProtocol> {
  const { libp2p, cluster, shards, metrics, log, quota = new Quota(metadataRates) } = options
  const ours = (): Metadata => ({ cluster, shards: shards() })
  await using mounted = new AsyncDisposableStack()
  const neighbours = mounted.use(new Neighbours({ ...options, ours }))
  const service = metadataService({ ours, heard: (peer, said) => neighbours.heard(peer, said) })
  mounted.use(await serveExchange(service, { libp2p, quota, metrics, log }))
  const kept = mounted.move()
  return { of: (peer) => neighbours.of(peer), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
