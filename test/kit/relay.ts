/** Hosts with relay, on loopback, for tests. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import type { Envelope } from '../../src/core/envelope.ts'
import { defaultMaxMessageBytes } from '../../src/core/message.ts'
import { type Clock, systemClock } from '../../src/core/time.ts'
import type { Validator } from '../../src/core/validator.ts'
import { createHost, type Host } from '../../src/net/host.ts'
import { hostLimits } from '../../src/net/limits.ts'
import type { StackPiece } from '../../src/net/stack/stack.ts'
import { type Router, type RouterEvent, relayRouter } from '../../src/protocols/relay/router.ts'
import { GossipRelay } from '../../src/protocols/relay/service.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import type { Owner } from './owner.ts'
import { stockPieces } from './stack.ts'

export interface RelayNodeOptions {
  readonly topics: readonly string[]
  readonly validators?: readonly Validator[]
  readonly maxMessageBytes?: number
  readonly clock?: Clock
  readonly privateKey?: PrivateKey
  /** Pieces of the stack that are the stock ones, of which the router is the one that counts. */
  readonly router?: ReadonlySet<StackPiece>
  /** The ids that it speaks; all of relay's unless given. */
  readonly protocols?: readonly string[]
  /** Takes what is delivered, in place of the list. */
  readonly deliver?: (envelope: Envelope) => void
}

export interface RelayNode {
  readonly host: Host<{ relay: Router }>
  readonly relay: GossipRelay
  readonly metrics: Metrics
  readonly peerId: string
  /** Everything delivered so far, in order. */
  readonly delivered: Envelope[]
  /** Settles when `count` messages have been delivered. */
  until(count: number): Promise<void>
}

/** A started host that follows `topics`. */
export async function relayNode(t: Owner, options: RelayNodeOptions): Promise<RelayNode> {
  const { topics, validators = [], maxMessageBytes = defaultMaxMessageBytes, clock = systemClock } = options
  const metrics = createMetrics()
  const log = silentLog()
  const router = relayRouter(
    {
      topics,
      maxMessageBytes,
      colocationLimit: 5,
      sharedAddress: (ip) => ip.startsWith('127.'),
      onMessage: () => {},
      ...(options.protocols && { protocols: options.protocols }),
    },
    options.router ?? stockPieces,
  )
  const host = await createHost<{ relay: Router }>({
    privateKey: options.privateKey ?? (await generateKeyPair('secp256k1')),
    agent: 'waypost/test',
    listen: { address: '127.0.0.1', tcpPort: 0 },
    limits: hostLimits(maxMessageBytes),
    stock: stockPieces,
    services: { relay: router },
    log,
    metrics,
  })
  const delivered: Envelope[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const keep = (envelope: Envelope): void => {
    delivered.push(envelope)
    for (const { count, resolve } of waiting) if (delivered.length >= count) resolve()
  }
  const relay = new GossipRelay({
    router: host.libp2p.services.relay,
    allowedTopics: new Set(topics),
    maxMessageBytes,
    validators,
    deliver: options.deliver ?? keep,
    clock,
    metrics,
    log,
  })
  await host.start()
  t.teardown(() => host[Symbol.asyncDispose]())
  const until = (count: number): Promise<void> =>
    new Promise((resolve) => (delivered.length >= count ? resolve() : waiting.push({ count, resolve })))
  return { host, relay, metrics, peerId: host.libp2p.peerId.toString(), delivered, until }
}

/** Settles at the node's next gossip heartbeat at which `holds` is true. */
export async function heartbeat({ host }: RelayNode, holds: () => boolean = () => true): Promise<void> {
  const { relay: router } = host.libp2p.services
  do await happens(router, 'heartbeat')
  while (!holds())
}

/** Settles at the next `event`. */
async function happens(router: Router, event: RouterEvent): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  using _listening = router.on(event, resolve)
  await promise
}

/** Dials, and waits until both follow `topic` in one mesh. */
export async function mesh(topic: string, from: RelayNode, to: RelayNode): Promise<void> {
  const [address] = to.host.addresses()
  if (address === undefined) throw new Error('the node to dial does not listen')
  const grafted = Promise.all([inMesh(from, to.peerId, topic), inMesh(to, from.peerId, topic)])
  await from.host.libp2p.dial(address)
  await grafted
}

/** Settles when `of` has `peer` in its mesh of `topic`. */
export function inMesh(of: RelayNode, peer: string, topic: string): Promise<void> {
  const { relay: router } = of.host.libp2p.services
  return new Promise((resolve) => {
    const look = (): void => {
      if (!of.relay.meshPeers(topic).includes(peer)) return
      for (const listening of both) listening[Symbol.dispose]()
      resolve()
    }
    const both = (['heartbeat', 'graft'] as const).map((event) => router.on(event, look))
    look()
  })
}
