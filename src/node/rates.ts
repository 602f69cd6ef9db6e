/** How often peers may ask a service: `--rate-limit`, or what the service itself holds for right. */
import { Quota, type QuotaOptions, type Rate } from '../net/quota.ts'
import type { LimitedService, RateLimit } from '../settings/kinds/policy.ts'

/** All peers together may ask so many times what one may. */
const totalFactor = 10

const unlimited: Rate = { volume: Number.MAX_SAFE_INTEGER, period: 1000 }

type Rates = Pick<QuotaOptions, 'perPeer' | 'total'>

/** The quotas of all services, which follow `--rate-limit` when it changes. */
export class ServiceQuotas {
  #limits: readonly RateLimit[]
  readonly #quotas: { readonly quota: Quota; readonly service: LimitedService; readonly defaults: Rates }[] = []

  constructor(limits: readonly RateLimit[]) {
    this.#limits = limits
  }

  /** The quota of one service. */
  of(service: LimitedService, defaults: Rates): Quota {
    const quota = new Quota(ratesFor(service, defaults, this.#limits))
    this.#quotas.push({ quota, service, defaults })
    return quota
  }

  /** Other limits from now on, for every service. */
  change(limits: readonly RateLimit[]): void {
    this.#limits = limits
    for (const { quota, service, defaults } of this.#quotas) quota.change(ratesFor(service, defaults, limits))
  }
}

/** As in nwaku the service's own last entry counts, then `store` for both versions, then one without a name. */
function ratesFor(service: LimitedService, defaults: Rates, limits: readonly RateLimit[]): Rates {
  const names = service.startsWith('store') ? [service, 'store', undefined] : [service, undefined]
  const chosen = names.map((name) => limits.findLast((limit) => limit.service === name)).find((limit) => limit)
  if (chosen === undefined) return defaults
  if (chosen.rate === undefined) return { perPeer: unlimited, total: unlimited }
  const { requests, period } = chosen.rate
  return { perPeer: { volume: requests, period }, total: { volume: requests * totalFactor, period } }
}
