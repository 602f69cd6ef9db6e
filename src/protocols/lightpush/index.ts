/** Light push: a node that relays publishes for clients that do not. Both versions, under one quota. */
import { type Switch, serveExchange } from '../../net/exchange.ts'
import type { Quota } from '../../net/quota.ts'
import type { Log } from '../../telemetry/log.ts'
import { legacyLightPushService } from './legacy-service.ts'
import { type LightPushParts, lightPushService } from './service.ts'

export interface LightPushOptions extends LightPushParts {
  readonly libp2p: Switch
  readonly log: Log
  /** How often clients may push, by both versions together. */
  readonly quota: Quota
}

/** Serves light push to the peers of `libp2p` until it is disposed of. */
export async function lightPush(options: LightPushOptions): Promise<AsyncDisposable> {
  const { libp2p, quota, metrics, log } = options
  const parts = { libp2p, quota, metrics, log }
  await using mounted = new AsyncDisposableStack()
  mounted.use(await serveExchange(lightPushService(options), parts))
  mounted.use(await serveExchange(legacyLightPushService(options), parts))
  return mounted.move()
}
