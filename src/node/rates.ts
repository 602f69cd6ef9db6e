/** How often peers may ask each service: `--rate-limit`, or our defaults. */
import { Quota, type Rate } from '../net/quota.ts'
import type { RateLimit } from '../settings/kinds/policy.ts'

const minute = 60_000

/** Services that a rate limit can name; nwaku's `store` stands for both versions. */
export type RatedService = 'storev3' | 'filter' | 'lightpush' | 'metadata'

/** Requests of one peer in a minute where no setting says otherwise. */
const perMinute: Readonly<Record<RatedService, number>> = { storev3: 600, filter: 300, lightpush: 600, metadata: 60 }

/** All peers together may ask so many times what one may. */
const totalFactor = 10

const unlimited: Rate = { volume: Number.MAX_SAFE_INTEGER, period: minute }

/** The quota of one service. As in nwaku the last entry for it counts, then `store`, then one without a name. */
export function quotaFor(service: RatedService, limits: readonly RateLimit[]): Quota {
  const own = limits.findLast((limit) => limit.service === service)
  const store = service === 'storev3' ? limits.findLast((limit) => limit.service === 'store') : undefined
  const common = service === 'metadata' ? undefined : limits.findLast((limit) => limit.service === undefined)
  const chosen = own ?? store ?? common
  if (chosen === undefined) return quota({ volume: perMinute[service], period: minute })
  return quota(chosen.rate === undefined ? unlimited : { volume: chosen.rate.requests, period: chosen.rate.period })
}

function quota(perPeer: Rate): Quota {
  return new Quota({ perPeer, total: { volume: perPeer.volume * totalFactor, period: perPeer.period } })
}
