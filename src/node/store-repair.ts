/** How the archive gets from other stores what it lacks: once after a restart (resume), and from time to time (sync). */
import type { Libp2p } from '@libp2p/interface'
import type { Archive } from '../archive/archive.ts'
import type { Clock } from '../core/time.ts'
import { judge, type Validator, validateMeta } from '../core/validator.ts'
import { protectedShards } from '../protocols/relay/protected-shard.ts'
import { StoreSync } from '../protocols/store-sync/index.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Network } from './network.ts'
import type { ServicePeers } from './service-peers.ts'
import { StoreResume } from './store-resume.ts'

export interface StoreRepairParts {
  readonly settings: Settings
  readonly network: Network
  readonly libp2p: Libp2p
  readonly archive: Archive
  readonly peers: ServicePeers
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
}

export interface StoreRepair extends AsyncDisposable {
  /** Begins, once the host has started. */
  start(): void
  /** How far resume has come, as long as the store is not ready because of it. */
  resuming(): string | undefined
}

/** What the settings switch on of the two. */
export function storeRepair(parts: StoreRepairParts): StoreRepair {
  const { settings } = parts
  const opened = new AsyncDisposableStack()
  const sync = settings.storeSync ? opened.use(storeSync(parts)) : undefined
  const resume = settings.storeResume ? opened.use(storeResume(parts)) : undefined
  return {
    start() {
      sync?.start()
      resume?.start()
    },
    resuming: () => resume?.progress(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function storeSync({ settings, network, archive, peers, log, ...parts }: StoreRepairParts): StoreSync {
  const sync = new StoreSync({
    ...parts,
    archive,
    scope: { pubsubTopics: network.followed, contentTopics: [] },
    peers: () => peers.connected('sync'),
    interval: settings.storeSyncInterval,
    range: settings.storeSyncRange,
    jitter: settings.storeSyncRelayJitter,
    maxMessageBytes: settings.maxMsgSize,
    judge: historyJudge(network),
    log: log.child({ part: 'store-sync' }),
  })
  archive.onStored((envelopes) => sync.stored(envelopes))
  return sync
}

function storeResume({ settings, network, libp2p, archive, peers, clock, log }: StoreRepairParts): StoreResume {
  return new StoreResume({
    libp2p,
    archive,
    peers: () => peers.candidates('store'),
    pubsubTopics: network.followed,
    maxMessageBytes: settings.maxMsgSize,
    judge: historyJudge(network),
    clock,
    log: log.child({ part: 'store-resume' }),
  })
}

/** Judges messages that other stores have: as relay does, but for their age. */
function historyJudge({ protectedKeys }: Network): Validator {
  const validators = [validateMeta, protectedShards(protectedKeys, undefined)]
  return (envelope) => judge(validators, envelope)
}
