/** Peers whose score fell below the graylist threshold are not only ignored but disconnected, as nwaku does. */
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../telemetry/log.ts'
import { scores } from './params.ts'
import type { Router } from './router.ts'

export interface GraylistParts {
  readonly router: Router
  readonly libp2p: Pick<Libp2p, 'hangUp'>
  readonly log: Log
}

/** Looks at the scores at each heartbeat, until disposed of. */
export function disconnectGraylisted({ router, libp2p, log }: GraylistParts): Disposable {
  return router.on('heartbeat', () => {
    for (const peer of router.peers()) {
      const score = router.score(peer)
      if (score >= scores.graylistThreshold) continue
      log.info({ peer, score }, 'peer disconnected for its score')
      libp2p
        .hangUp(peerIdFromString(peer))
        .catch((error) => log.debug({ peer, reason: messageOf(error) }, 'hang-up failed'))
    }
  })
}
