/**
 * Peers from other peers. We tell of those that were found (`--peer-exchange`), and ask the nodes that
 * `--peer-exchange-node` names, and connected ones that tell, when the peer manager knows nobody any more.
 */
import { messageOf } from '../core/errors.ts'
import type { Enr } from '../net/discovery/enr.ts'
import { foundIn } from '../net/discovery/found.ts'
import { Asker } from '../protocols/peer-exchange/asker.ts'
import { peerExchange } from '../protocols/peer-exchange/index.ts'
import { peerExchangeRates } from '../protocols/peer-exchange/limits.ts'
import type { Finder, FinderParts } from './finders.ts'

/** Failures in a row after which a peer is not told of: none is forgiven to one that was never reached. */
const forgiven = { stranger: 0, friend: 2 }

export async function findByPeerExchange(parts: FinderParts): Promise<Finder> {
  const { settings, host, protocols, pool, metrics } = parts
  const log = parts.log.child({ part: 'px' })
  const { libp2p } = host
  await using opened = new AsyncDisposableStack()
  if (settings.peerExchange) opened.use(await serve(parts))
  const found = (record: Enr): void => {
    try {
      pool.add(foundIn(record, 'peer-exchange'))
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'node record of a peer left out')
    }
  }
  const candidates = () => protocols.servicePeers.candidates('peerExchange')
  const asker = opened.use(new Asker({ libp2p, candidates, found, metrics, log }))
  const kept = opened.move()
  return { findMore: () => asker.ask(), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function serve({ host, protocols, pool, history, isPrivate, metrics, log }: FinderParts): Promise<AsyncDisposable> {
  return peerExchange({
    libp2p: host.libp2p,
    pool,
    tellsPrivate: isPrivate,
    isReachable: (peer) => history.failures(peer) <= forgiven[history.isFriend(peer) ? 'friend' : 'stranger'],
    quota: protocols.quotas.of('px', peerExchangeRates),
    metrics,
    log: log.child({ part: 'px' }),
  })
}
