/**
 * Store sync: stores that keep the same shards find what the last hour brought to one and not to the other, and send it.
 * Every `interval` a few of the connected stores are asked; others ask us.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import { messageOf } from '../../core/errors.ts'
import { maxPageMessages } from '../../core/query.ts'
import { shuffled } from '../../core/shuffle.ts'
import { type Milliseconds, type Schedule, systemSchedule, toNanoseconds } from '../../core/time.ts'
import { openDialogue, serveDialogues } from '../../net/dialogue.ts'
import { Quota } from '../../net/quota.ts'
import { reconciliationProtocol } from './codec.ts'
import { reconciliationLimits, reconciliationRates } from './limits.ts'
import { nextTick } from './reconcile.ts'
import { SyncSession } from './session.ts'
import { type Scope, SyncIndex } from './sync-index.ts'
import { Transfer, type TransferParts } from './transfer.ts'

export interface StoreSyncOptions extends Omit<TransferParts, 'keeps' | 'maxAge'> {
  readonly libp2p: Pick<Libp2p, 'handle' | 'unhandle' | 'dialProtocol'>
  /** The shards that this node keeps. */
  readonly scope: Scope
  /** Connected peers that reconcile. */
  readonly peers: () => readonly PeerId[]
  /** Between two rounds. */
  readonly interval: Milliseconds
  /** How far back is looked. */
  readonly range: Milliseconds
  /** The newest messages, which relay may still bring. */
  readonly jitter: Milliseconds
  readonly schedule?: Schedule
}

/** Stores asked in one round: any two of the shard have met after a few. */
const peersOfRound = 3

/** What is known beyond the window, since others have other clocks and begin their rounds at other times. */
const slack: Milliseconds = 60_000

/** What one round brought. */
export interface Round {
  readonly peers: number
  /** Messages sent, or about to be. */
  readonly sent: number
  /** Messages that one of two had and the other had not. */
  readonly differences: number
}

export class StoreSync implements AsyncDisposable {
  readonly #options: StoreSyncOptions
  readonly #index = new SyncIndex()
  readonly #transfer: Transfer
  readonly #ending = new AbortController()
  #serving: AsyncDisposable | undefined
  #cancel = () => {}
  #work: Promise<unknown> = Promise.resolve()

  constructor(options: StoreSyncOptions) {
    this.#options = options
    const { range, jitter, scope } = options
    const kept = new Set(scope.pubsubTopics)
    this.#transfer = new Transfer({
      ...options,
      keeps: (topic) => kept.size === 0 || kept.has(topic),
      maxAge: range + jitter + slack,
    })
    this.#index.dropBefore(this.#start())
  }

  /** Notes messages that the archive has stored. */
  stored(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) this.#index.add(envelope)
    this.#options.metrics.total_messages_cached.set(this.#index.size)
  }

  /** Learns what the archive has, then serves others, and begins rounds. Does not throw. */
  start(): void {
    this.#work = this.#begin().catch((error) => {
      this.#options.log.debug({ reason: messageOf(error) }, 'store sync not begun')
      this.#next(() => this.start(), this.#options.interval)
    })
  }

  /** Reconciles with some peers, one after the other, and sends them what they lack. */
  async round(): Promise<Round> {
    this.#index.dropBefore(this.#start())
    const { peers, metrics } = this.#options
    metrics.total_messages_cached.set(this.#index.size)
    const chosen = shuffled(peers()).slice(0, peersOfRound)
    let sent = 0
    let differences = 0
    for (const peer of chosen) {
      const session = await this.#reconcile(peer)
      sent += session.toSend.length
      differences += session.differences
    }
    return { peers: chosen.length, sent, differences }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancel()
    this.#ending.abort(new Error('store sync has ended'))
    await this.#work
    await this.#serving?.[Symbol.asyncDispose]()
    await this.#transfer[Symbol.asyncDispose]()
  }

  async #begin(): Promise<void> {
    await this.#fill()
    if (this.#ending.signal.aborted) return
    await this.#transfer.mount()
    this.#serving = await this.#serve()
    this.#options.log.info({ messages: this.#index.size }, 'store sync begun')
    // nwaku's first round comes after half an interval, too.
    this.#next(() => this.#runRound(), this.#options.interval / 2)
  }

  #runRound(): void {
    this.#work = this.round()
      .then((round) => this.#options.log.debug(round, 'store sync round'))
      .finally(() => this.#next(() => this.#runRound(), this.#options.interval))
  }

  #next(run: () => void, delay: Milliseconds): void {
    const { schedule = systemSchedule } = this.#options
    if (!this.#ending.signal.aborted) this.#cancel = schedule(run, delay)
  }

  /** What the archive has of the window. What is stored meanwhile is noted by `stored`. */
  async #fill(): Promise<void> {
    const asked = { start: this.#index.floor, direction: 'forward', limit: maxPageMessages, includeData: true } as const
    let cursor: string | undefined
    do {
      const page = await this.#options.archive.query({ ...asked, cursor })
      for (const { data } of page.messages)
        if (data !== undefined) this.#index.add(openEnvelope(data.pubsubTopic, data.bytes, 0))
      cursor = page.cursor
      await nextTick()
    } while (cursor !== undefined && !this.#ending.signal.aborted)
  }

  #serve(): Promise<AsyncDisposable> {
    const { libp2p, scope, metrics, log } = this.#options
    const open = (peer: string) => {
      this.#transfer.admit(peer)
      const session = new SyncSession(this.#index, scope)
      return {
        speak: (body: Uint8Array) => session.speak(body),
        [Symbol.dispose]: () => void this.#ended(session, peerIdFromString(peer)),
      }
    }
    const service = {
      protocol: reconciliationProtocol,
      name: 'reconciliation',
      limits: reconciliationLimits,
      open,
    } as const
    return serveDialogues(service, { libp2p, quota: new Quota(reconciliationRates), metrics, log })
  }

  /** A reconciliation that we begin. One that fails has its reason in the log; what was learnt by it counts. */
  async #reconcile(peer: PeerId): Promise<SyncSession> {
    const { libp2p, scope, log, clock, jitter } = this.#options
    const session = new SyncSession(this.#index, scope)
    this.#transfer.admit(peer.toString())
    try {
      const first = session.open(this.#from(), toNanoseconds(clock() - jitter))
      const speak = (body: Uint8Array) => session.speak(body)
      const { signal } = this.#ending
      await openDialogue(libp2p, peer, reconciliationProtocol, first, speak, reconciliationLimits, signal)
    } catch (error) {
      log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'reconciliation failed')
    }
    await this.#ended(session, peer)
    return session
  }

  /** Sends what the peer lacks. */
  async #ended(session: SyncSession, peer: PeerId): Promise<void> {
    const { metrics } = this.#options
    metrics.reconciliation_roundtrips.observe(session.turns)
    metrics.reconciliation_differences.observe(session.differences)
    await this.#transfer.send(peer, session.toSend)
  }

  /** The start of our window. */
  #from(): bigint {
    const { clock, range, jitter } = this.#options
    return toNanoseconds(clock() - jitter - range)
  }

  /** The start of what the index knows. */
  #start(): bigint {
    return this.#from() - toNanoseconds(slack)
  }
}
