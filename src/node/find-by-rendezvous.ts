/** Peers from rendezvous points (`--rendezvous`): a relay is one, stays registered at a few others, and looks there. */
import type { Capability } from '../net/discovery/node-record.ts'
import { rendezvous } from '../protocols/rendezvous/index.ts'
import { Seeker } from '../protocols/rendezvous/seeker.ts'
import type { Finder, FinderParts } from './finders.ts'
import { shardNumbers } from './network.ts'
import { servedBy } from './record.ts'

/** What a node that does not relay asks of others, so that relays put it up. */
const asked: readonly Capability[] = ['store', 'filter', 'lightpush']

export async function findByRendezvous(parts: FinderParts): Promise<Finder | undefined> {
  const { settings, network, host, protocols, pool, metrics } = parts
  if (!settings.rendezvous) return undefined
  const log = parts.log.child({ part: 'rendezvous' })
  const { libp2p, privateKey } = host
  const { relay, servicePeers } = protocols
  await using opened = new AsyncDisposableStack()
  if (relay !== undefined) opened.use(await rendezvous({ libp2p, cluster: settings.clusterId, metrics, log }))
  const seeker = opened.use(
    new Seeker({
      libp2p,
      privateKey,
      cluster: settings.clusterId,
      addresses: () => host.addresses(),
      shards: () => (relay === undefined ? network.shards : shardNumbers(relay.topics)),
      serves: relay && servedBy(settings).filter((capability) => asked.includes(capability)),
      seeks: relay === undefined ? asked : [],
      points: () => servicePeers.connected('rendezvous'),
      found: (found) => pool.add(found),
      metrics,
      log,
    }),
  )
  const watching = new AbortController()
  opened.defer(() => watching.abort())
  // One more point may be there: nobody waits for the next round.
  libp2p.addEventListener('peer:identify', () => seeker.start(), { signal: watching.signal })
  seeker.start()
  const kept = opened.move()
  return { findMore: () => seeker.findMore(), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
