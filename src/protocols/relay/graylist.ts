/** Peers whose score fell below the graylist threshold are not only ignored but disconnected, as nwaku does. */
import type { Libp2p } from '@libp2p/interface'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../telemetry/log.ts'
import { scoreThresholds } from './params.ts'
import type { Router } from './router.ts'

export interface GraylistParts {
  readonly router: Router
  readonly libp2p: Pick<Libp2p, 'hangUp'>
  readonly log: Log
}

/** Looks at the scores at each heartbeat, until disposed of. */
export function disconnectGraylisted({ router, libp2p, log }: GraylistParts): Disposable {
  const threshold = scoreThresholds.graylistThreshold ?? Number.NEGATIVE_INFINITY
  const look = (): void => {
    for (const peer of router.getPeers()) {
      const score = router.getScore(peer.toString())
      if (score >= threshold) continue
      log.info({ peer: peer.toString(), score }, 'peer disconnected for its score')
      libp2p
        .hangUp(peer)
        .catch((error) => log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'hang-up failed'))
    }
  }
  router.addEventListener('gossipsub:heartbeat', look)
  return { [Symbol.dispose]: () => router.removeEventListener('gossipsub:heartbeat', look) }
}
