/** How often peers may ask a service: `--rate-limit`, or what the service itself holds for right. */
import { Quota, type QuotaOptions, type Rate } from '../net/quota.ts'
import type { LimitedService, RateLimit } from '../settings/kinds/policy.ts'

/** All peers together may ask so many times what one may. */
const totalFactor = 10

const unlimited: Rate = { volume: Number.MAX_SAFE_INTEGER, period: 1000 }

/** The quota of one service. As in nwaku its own last entry counts, then `store` for both versions, then one without a name. */
export function quotaFor(
  service: LimitedService,
  defaults: Pick<QuotaOptions, 'perPeer' | 'total'>,
  limits: readonly RateLimit[],
): Quota {
  const names = service.startsWith('store') ? [service, 'store', undefined] : [service, undefined]
  const chosen = names.map((name) => limits.findLast((limit) => limit.service === name)).find((limit) => limit)
  if (chosen === undefined) return new Quota(defaults)
  if (chosen.rate === undefined) return new Quota({ perPeer: unlimited, total: unlimited })
  const { requests, period } = chosen.rate
  return new Quota({ perPeer: { volume: requests, period }, total: { volume: requests * totalFactor, period } })
}
