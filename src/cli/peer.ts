/**
 * A node of a command's own for asking another one (`--peer`): it dials, is not dialled, and forgets its identity.
 *
 * A Waku node parts from peers of another cluster, and asks each for its own. Unless the user names a cluster, we wait
 * a moment for that question, and say what the peer says: whoever looks at a node need not know its network first.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { messageOf, WaypostError } from '../core/errors.ts'
import { defaultMaxMessageBytes } from '../core/message.ts'
import type { Milliseconds } from '../core/time.ts'
import { serveExchange } from '../net/exchange.ts'
import { createHost } from '../net/host.ts'
import { hostLimits } from '../net/limits.ts'
import { Quota } from '../net/quota.ts'
import { type Metadata, metadataProtocol } from '../protocols/metadata/codec.ts'
import { metadataRates } from '../protocols/metadata/limits.ts'
import { metadataService } from '../protocols/metadata/service.ts'
import { silentLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { version } from './version.ts'

export interface PeerOptions {
  /** The cluster that we say we are of; that of the peer unless given. */
  readonly cluster?: number
  /** For the dial and for learning what the peer is. */
  readonly timeout?: Milliseconds
}

/** A connection to a node, and what it says of itself. */
export interface ConnectedPeer extends AsyncDisposable {
  readonly libp2p: Libp2p
  readonly id: PeerId
  /** `nwaku-v0.37.0`, as far as the peer tells. */
  readonly agent: string
  /** Ids of the protocols that it serves. */
  readonly protocols: readonly string[]
  /** Our own address as the peer sees it. */
  readonly observed: string | undefined
  /** What we say of ourselves to this peer. */
  readonly ours: () => Metadata
}

const defaultTimeout: Milliseconds = 10_000

/** From a connection to the peer's question for our metadata: nwaku asks at once. */
const questionTimeout: Milliseconds = 1000

/** Connects to the node at `address`. Throws `cli/peer-unreachable`. */
export async function connectPeer(address: string, options: PeerOptions = {}): Promise<ConnectedPeer> {
  const { cluster, timeout = defaultTimeout } = options
  await using parts = new AsyncDisposableStack()
  const host = parts.use(
    await createHost({
      privateKey: await generateKeyPair('secp256k1'),
      agent: `waypost/${version}`,
      limits: hostLimits(defaultMaxMessageBytes),
      log: silentLog(),
      metrics: createMetrics(),
    }),
  )
  const mirror = new Mirror(cluster)
  parts.use(await mirror.mount(host.libp2p))
  await host.start()
  const found = await dial(host.libp2p, address, timeout)
  if (cluster === undefined && found.protocols.includes(metadataProtocol)) await mirror.asked(questionTimeout)
  const kept = parts.move()
  return {
    libp2p: host.libp2p,
    id: found.peerId,
    agent: found.agentVersion ?? 'unknown',
    protocols: found.protocols,
    observed: found.observedAddr?.toString(),
    ours: () => mirror.ours(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Dials, and waits until the peer has said who it is. */
async function dial(libp2p: Libp2p, address: string, timeout: Milliseconds): Promise<IdentifyResult> {
  const signal = AbortSignal.timeout(timeout)
  const { promise, resolve, reject } = Promise.withResolvers<IdentifyResult>()
  libp2p.addEventListener('peer:identify', ({ detail }) => resolve(detail), { once: true })
  signal.addEventListener('abort', () => reject(new Error(`no answer within ${timeout} ms`)))
  // Rejected when nobody waits yet, it would end the process.
  promise.catch(() => {})
  try {
    await libp2p.dial(multiaddr(address), { signal })
    return await promise
  } catch (error) {
    throw new WaypostError('cli/peer-unreachable', { address, why: reasonOf(error) }, { cause: error })
  }
}

/** libp2p wraps what the socket said; the innermost error tells most. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (error instanceof Error && error.cause !== undefined) return reasonOf(error.cause)
  return messageOf(error)
}

/** Says of us what the peer says of itself. */
class Mirror {
  readonly #cluster: number | undefined
  readonly #asked = Promise.withResolvers<void>()
  #said: Metadata | undefined

  constructor(cluster: number | undefined) {
    this.#cluster = cluster
  }

  ours(): Metadata {
    return { cluster: this.#cluster ?? this.#said?.cluster ?? 0, shards: this.#said?.shards ?? [] }
  }

  mount(libp2p: Libp2p): Promise<AsyncDisposable> {
    const heard = (_: string, said: Metadata): void => {
      this.#said = said
      this.#asked.resolve()
    }
    const parts = { libp2p, quota: new Quota(metadataRates), metrics: createMetrics(), log: silentLog() }
    return serveExchange(metadataService({ ours: () => this.ours(), heard }), parts)
  }

  /** Settles when the peer has asked, or after `limit`. */
  async asked(limit: Milliseconds): Promise<void> {
    const timer = setTimeout(() => this.#asked.resolve(), limit)
    await this.#asked.promise
    clearTimeout(timer)
  }
}
