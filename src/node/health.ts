/** How each protocol is, in nwaku's words and order. */
import type { ProtocolHealth } from '../rest/view.ts'

/** What health is told from. A service that is not mounted is absent. */
export interface HealthParts {
  readonly relayPeers?: () => number
  readonly lightpush?: boolean
  readonly filter?: boolean
  /** Undefined while all is well, else why the archive takes or gives nothing. */
  readonly store?: () => string | undefined
  /** What the archive lost of what it had, while it is ready. */
  readonly storeLoss?: () => string | undefined
  readonly legacyStore?: boolean
  readonly peerExchange?: boolean
  readonly rendezvous?: boolean
  /** How far the store has come in fetching what it missed; undefined when it has it, or never fetches. */
  readonly resuming?: () => string | undefined
  /** Undefined while browsers can connect by the names of `--auto-tls`, else why not. Absent without it. */
  readonly autoTls?: () => string | undefined
  /** Ways to find peers that can be without what they need; listed while they are on. */
  readonly finders?: readonly { readonly protocol: string; readonly trouble: () => string | undefined }[]
  /** Whether another node can be asked for a service. */
  readonly canAsk: (service: 'store' | 'legacyStore' | 'filter' | 'lightpush' | 'rendezvous') => boolean
}

/** Every protocol that nwaku lists; those of later versions are not mounted. What it has not is listed when it is on. */
export function protocolHealth({
  relayPeers,
  lightpush,
  filter,
  store,
  storeLoss,
  legacyStore,
  peerExchange,
  rendezvous,
  resuming,
  autoTls,
  finders = [],
  canAsk,
}: HealthParts): readonly ProtocolHealth[] {
  const relaying = relayPeers !== undefined && relayPeers() > 0
  const noPeers = 'Node has no relay peers to fullfill push requests'
  const noRelay = 'Relay is not ready, filter will not be able to sort out messages'
  const degraded = store?.()
  const catchingUp = degraded === undefined ? resuming?.() : undefined
  const canPush = relaying || canAsk('lightpush')
  const noPushPeer = 'No Lightpush service peer available yet'
  const noStorePeer = 'No Store service peer available yet, neither Store service set up for the node'
  const noLegacyStorePeer = 'No Legacy Store service peers are available yet, neither Store service set up for the node'
  const noFilterPeer = 'No Filter service peer available yet'
  return [
    entry('Relay', relayPeers !== undefined, relaying, 'No connected peers'),
    unmounted('Rln Relay'),
    entry('Lightpush', lightpush, relaying, noPeers),
    entry('Legacy Lightpush', lightpush, relaying, noPeers),
    entry('Filter', filter, relaying, noRelay),
    catchingUp === undefined
      ? storeEntry(store !== undefined, degraded, storeLoss?.())
      : { protocol: 'Store', state: 'SYNCHRONIZING', desc: catchingUp },
    entry('Legacy Store', legacyStore, degraded === undefined, degraded),
    entry('Peer Exchange', peerExchange, true, undefined),
    entry('Rendezvous', rendezvous, canAsk('rendezvous'), 'No Rendezvous peers are available yet'),
    unmounted('Mix'),
    entry('Lightpush Client', true, canPush, noPushPeer),
    entry('Legacy Lightpush Client', true, canPush, noPushPeer),
    entry('Store Client', true, store !== undefined || canAsk('store'), noStorePeer),
    entry('Legacy Store Client', true, store !== undefined || canAsk('legacyStore'), noLegacyStorePeer),
    entry('Filter Client', true, canAsk('filter'), noFilterPeer),
    ...finders.map(({ protocol, trouble }) => entry(protocol, true, trouble() === undefined, trouble())),
    ...(autoTls === undefined ? [] : [entry('AutoTLS', true, autoTls() === undefined, autoTls())]),
  ]
}

/** A store that lost messages serves those that it has, and says so. */
function storeEntry(mounted: boolean, degraded: string | undefined, loss: string | undefined): ProtocolHealth {
  const health = entry('Store', mounted, degraded === undefined, degraded)
  return health.state === 'READY' && loss !== undefined ? { ...health, desc: loss } : health
}

function entry(
  protocol: string,
  mounted: boolean | undefined,
  ready: boolean,
  desc: string | undefined,
): ProtocolHealth {
  if (!mounted) return unmounted(protocol)
  return ready ? { protocol, state: 'READY' } : { protocol, state: 'NOT_READY', desc }
}

function unmounted(protocol: string): ProtocolHealth {
  return { protocol, state: 'NOT_MOUNTED' }
}
