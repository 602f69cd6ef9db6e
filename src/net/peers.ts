/**
 * Static peers (`--staticnode`): peers that this node wants to be connected to, for as long as it runs. Each is dialled
 * at once, again soon when its connection is lost, and with growing patience while it cannot be reached, for ever.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemSchedule } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type Backoff, backoff } from './backoff.ts'
import { Slots } from './slots.ts'

/** Dials at the same time: nwaku's peer manager. */
const parallelDials = 10

/** For one dial, from its first packet to the peer's identity: nwaku's peer manager. */
const defaultDialTimeout: Milliseconds = 10_000

/** A second after a loss, a minute at the most: nwaku's waits grow to hours, which is no way to keep a wanted peer. */
const waits: Backoff = { first: 1000, most: 60_000 }

/** A connection that held so long was good: its loss is no failure of the peer. */
const goodAfter: Milliseconds = 60_000

/** What libp2p is told of these peers, so that it closes others before them when there are too many. */
export const staticPeerTag = 'waypost-static-peer'
const tag = { value: 100 }

export interface StaticPeersParts {
  /** Started: it dials at once. */
  readonly libp2p: Pick<Libp2p, 'peerId' | 'peerStore' | 'dial' | 'getConnections' | 'addEventListener'>
  readonly metrics: Metrics
  readonly log: Log
  readonly dialTimeout?: Milliseconds
  readonly schedule?: Schedule
  /** A monotonic clock. */
  readonly clock?: Clock
}

/** A peer that is wanted: one id and all its addresses, or an address that does not tell whose it is. */
interface Wanted {
  addresses: Multiaddr[]
  id: PeerId | undefined
  /** Aborted when it is wanted no more. */
  readonly stop: AbortController
  /** To be called when its last connection has closed. */
  lost?: () => void
}

export class StaticPeers implements AsyncDisposable {
  readonly #parts: Required<StaticPeersParts>
  readonly #slots = new Slots(parallelDials)
  readonly #stop = new AbortController()
  readonly #wanted = new Set<Wanted>()
  readonly #keeping = new Set<Promise<void>>()

  constructor(parts: StaticPeersParts) {
    this.#parts = {
      dialTimeout: defaultDialTimeout,
      schedule: systemSchedule,
      clock: () => performance.now(),
      ...parts,
    }
    const { signal } = this.#stop
    parts.libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#disconnected(detail), { signal })
  }

  /** Keeps a connection to the peer at `address` from now on. Several addresses of one peer id are tried together. */
  want(address: Multiaddr): void {
    const id = peerIdOf(address)
    if (id?.equals(this.#parts.libp2p.peerId)) {
      this.#parts.log.warn({ address: address.toString() }, 'static peer is this node itself')
      return
    }
    const known = [...this.#wanted].find((wanted) => wanted.id !== undefined && id?.equals(wanted.id))
    if (known !== undefined) {
      known.addresses.push(address)
      return
    }
    const wanted = { addresses: [address], id, stop: new AbortController() }
    this.#wanted.add(wanted)
    const keeping = this.#keep(wanted).finally(() => this.#keeping.delete(keeping))
    this.#keeping.add(keeping)
  }

  /** From now on exactly the peers at `addresses` are wanted. A connection to another stays, and is not renewed. */
  wantOnly(addresses: readonly Multiaddr[]): void {
    const named = new Set(addresses.map(String))
    for (const wanted of this.#wanted) {
      wanted.addresses = wanted.addresses.filter((address) => named.has(address.toString()))
      if (wanted.addresses.length === 0) this.#giveUp(wanted)
    }
    const known = new Set([...this.#wanted].flatMap((wanted) => wanted.addresses.map(String)))
    for (const address of addresses) if (!known.has(address.toString())) this.want(address)
  }

  /** Full ids of those that are wanted, as far as they are known. */
  *ids(): Iterable<string> {
    for (const { id } of this.#wanted) if (id !== undefined) yield id.toString()
  }

  /** Dials no more; the connections that are open stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    for (const { stop } of this.#wanted) stop.abort()
    await Promise.all(this.#keeping)
  }

  #giveUp(wanted: Wanted): void {
    this.#wanted.delete(wanted)
    wanted.stop.abort()
    if (wanted.id !== undefined) this.#tag(wanted.id, undefined)
  }

  async #keep(wanted: Wanted): Promise<void> {
    let failures = 0
    while (!wanted.stop.signal.aborted) {
      const connected = this.#isConnected(wanted) || (await this.#dial(wanted, failures))
      const held = connected ? await this.#untilLost(wanted) : 0
      failures = held >= goodAfter ? 0 : failures + 1
      await this.#pause(backoff(failures, waits), wanted)
    }
  }

  #isConnected({ id }: Wanted): boolean {
    return id !== undefined && this.#parts.libp2p.getConnections(id).some(({ status }) => status === 'open')
  }

  /** True when the dial led to a connection. A dial that waits for others has its whole time when its turn comes. */
  #dial(wanted: Wanted, failures: number): Promise<boolean> {
    const { libp2p, dialTimeout } = this.#parts
    return this.#slots.run(async () => {
      const timeout = AbortSignal.timeout(dialTimeout)
      try {
        const signal = AbortSignal.any([wanted.stop.signal, timeout])
        const { remotePeer } = await libp2p.dial([...wanted.addresses], { signal })
        wanted.id = remotePeer
        this.#count('successful')
        if (!wanted.stop.signal.aborted) this.#tag(remotePeer, tag)
        return true
      } catch (error) {
        if (wanted.stop.signal.aborted) return false
        this.#count(timeout.aborted ? 'timed out' : 'failed')
        this.#tell(wanted, failures, error)
        return false
      }
    })
  }

  /** Undefined takes the tag off. */
  #tag(peer: PeerId, value: { value: number } | undefined): void {
    const { libp2p, log } = this.#parts
    const untagged = (error: unknown): void =>
      log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'static peer not tagged')
    libp2p.peerStore.merge(peer, { tags: { [staticPeerTag]: value } }).catch(untagged)
  }

  #count(outcome: 'successful' | 'failed' | 'timed out'): void {
    this.#parts.metrics.waku_peers_dials_total.inc({ outcome })
  }

  /** The first failure is a change of state; that it goes on is not. */
  #tell({ addresses, id }: Wanted, failures: number, error: unknown): void {
    const level = failures === 0 ? 'info' : 'debug'
    const fields = { peer: id?.toString(), addresses: addresses.map(String), reason: messageOf(error) }
    this.#parts.log[level](fields, 'static peer not reached, will be tried again')
  }

  #disconnected(peer: PeerId): void {
    for (const wanted of this.#wanted) if (wanted.id?.equals(peer)) wanted.lost?.()
  }

  /** Waits until no connection to the peer is left, and returns how long there was one. */
  async #untilLost(wanted: Wanted): Promise<Milliseconds> {
    if (!this.#isConnected(wanted)) return 0
    const since = this.#parts.clock()
    await this.#until(wanted, (done) => {
      wanted.lost = done
      return () => {
        wanted.lost = undefined
      }
    })
    return this.#parts.clock() - since
  }

  #pause(wait: Milliseconds, wanted: Wanted): Promise<void> {
    return this.#until(wanted, (done) => this.#parts.schedule(done, wait))
  }

  /** Waits until `begin` calls back, later, or until the peer is wanted no more. What `begin` returns takes it back. */
  #until({ stop: { signal } }: Wanted, begin: (done: () => void) => () => void): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const finish = (): void => {
        undo()
        signal.removeEventListener('abort', finish)
        resolve()
      }
      const undo = begin(finish)
      signal.addEventListener('abort', finish)
    })
  }
}

/** The id at the end of an address, if it tells one. */
function peerIdOf(address: Multiaddr): PeerId | undefined {
  const id = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
  return id === undefined ? undefined : peerIdFromString(id)
}
