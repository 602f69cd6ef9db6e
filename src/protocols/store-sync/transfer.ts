/**
 * Messages that one store has and another lacks, sent after a reconciliation. nwaku takes them from anybody; we take
 * them from peers that have just reconciled with us, of our shards and of the synced time, and only such as our own
 * validators accept.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import { isWaypostError, messageOf, WaypostError } from '../../core/errors.ts'
import type { MessageHash } from '../../core/hash.ts'
import { maxPageMessages, type Page, type Query, type StoredMessage } from '../../core/query.ts'
import { type Clock, type Milliseconds, toMilliseconds } from '../../core/time.ts'
import type { Verdict } from '../../core/validator.ts'
import { pour } from '../../net/pour.ts'
import { type PushReceiver, receivePushes } from '../../net/receive-pushes.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { decodeTransfer, encodeTransfer, transferProtocol } from './codec.ts'
import { maxSessionMessages, nwakuTransferBytes, pourLimits, transferGrace, transferLimits } from './limits.ts'

/** Where messages go that pass. */
export interface SyncArchive {
  /** A page of what is stored. Throws `archive/unavailable`. */
  query(query: Query): Promise<Page>
  /** Resolves with `stored`, or with the reason why the archive does not keep it. */
  put(envelope: Envelope, source: 'history'): Promise<string>
}

export interface TransferParts {
  readonly libp2p: Pick<Libp2p, 'handle' | 'unhandle' | 'dialProtocol'>
  readonly archive: SyncArchive
  /** M: bytes of the largest message. */
  readonly maxMessageBytes: number
  /** True for a topic that this node keeps. */
  readonly keeps: (pubsubTopic: string) => boolean
  /** Judges a message of history. */
  readonly judge: (envelope: Envelope) => Verdict | Promise<Verdict>
  /** How old a message may be. */
  readonly maxAge: Milliseconds
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
}

type Refusal = 'no_session' | 'malformed' | 'foreign' | 'time' | 'invalid' | 'not_stored'

/** How far in the future a message may lie: the window of live traffic. */
const maxAhead: Milliseconds = 20_000

/** Peers that are remembered as having reconciled with us. */
const maxOpenDoors = 1000

export class Transfer implements AsyncDisposable {
  readonly #parts: TransferParts
  /** Who may send, until when, and how much still. */
  readonly #doors = new Map<string, { until: Milliseconds; left: number }>()
  readonly #ending = new AbortController()
  readonly #sending = new Map<string, Promise<void>>()
  #receiver: AsyncDisposable | undefined

  constructor(parts: TransferParts) {
    this.#parts = parts
  }

  /** Takes messages from now on. */
  async mount(): Promise<void> {
    const { libp2p, log, maxMessageBytes } = this.#parts
    const receive: PushReceiver['receive'] = (body, from) => this.#receive(body, from)
    const receiver = { protocol: transferProtocol, ...transferLimits(maxMessageBytes), receive }
    this.#receiver = await receivePushes(receiver, { libp2p, log })
  }

  /** Lets `peer` send, for as long as it may take. */
  admit(peer: string): void {
    const now = performance.now()
    for (const [other, { until }] of this.#doors) if (until < now) this.#doors.delete(other)
    if (this.#doors.size < maxOpenDoors || this.#doors.has(peer))
      this.#doors.set(peer, { until: now + transferGrace, left: maxSessionMessages })
  }

  /** Sends what `peer` lacks; resolves when it is sent, or cannot be. What is not sent is found missing again. */
  async send(peer: PeerId, hashes: readonly MessageHash[]): Promise<void> {
    const key = peer.toString()
    if (hashes.length === 0 || this.#sending.has(key)) return
    const sending = this.#pour(peer, hashes).finally(() => this.#sending.delete(key))
    this.#sending.set(key, sending)
    await sending
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('store sync has ended'))
    await this.#receiver?.[Symbol.asyncDispose]()
    await Promise.all(this.#sending.values())
  }

  async #pour(peer: PeerId, hashes: readonly MessageHash[]): Promise<void> {
    const { libp2p, log } = this.#parts
    try {
      const { messages } = await pour(
        libp2p,
        peer,
        transferProtocol,
        this.#bodies(hashes),
        pourLimits,
        this.#ending.signal,
      )
      log.debug({ peer: peer.toString(), messages }, 'messages sent to another store')
    } catch (error) {
      log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'sending to another store ended early')
    }
  }

  /** The messages as frames. nwaku ends the stream at a frame above its limit, so those come last. */
  async *#bodies(hashes: readonly MessageHash[]): AsyncGenerator<Uint8Array> {
    const large: MessageHash[] = []
    for await (const { hash, data } of this.#stored(hashes)) {
      const body = encodeTransfer(data.pubsubTopic, data.bytes)
      if (body.length > nwakuTransferBytes) large.push(hash)
      else yield this.#counted(body)
    }
    for await (const { data } of this.#stored(large)) yield this.#counted(encodeTransfer(data.pubsubTopic, data.bytes))
  }

  #counted(body: Uint8Array): Uint8Array {
    const { metrics } = this.#parts
    metrics.total_transfer_messages_exchanged_total.inc({ direction: 'sent' })
    metrics.total_bytes_exchanged_total.inc({ protocol: 'transfer', direction: 'sent' }, body.length)
    return body
  }

  /** What the archive still has of `hashes`. */
  async *#stored(hashes: readonly MessageHash[]): AsyncGenerator<Required<StoredMessage>> {
    for (let start = 0; start < hashes.length; start += maxPageMessages) {
      let cursor: MessageHash | undefined
      do {
        const some = hashes.slice(start, start + maxPageMessages)
        const asked = { hashes: some, direction: 'forward', limit: maxPageMessages, includeData: true, cursor } as const
        const page = await this.#parts.archive.query(asked)
        for (const { hash, data } of page.messages) if (data !== undefined) yield { hash, data }
        cursor = page.cursor
      } while (cursor !== undefined)
    }
  }

  /** Takes one message. What is not for us is passed over; who has no business here, or sends no message, is reset. */
  async #receive(body: Uint8Array, from: string): Promise<void> {
    const { metrics } = this.#parts
    metrics.total_bytes_exchanged_total.inc({ protocol: 'transfer', direction: 'receive' }, body.length)
    if (!this.#passes(from)) {
      this.#refuse('no_session')
      throw new WaypostError('sync/no-session', { peer: from })
    }
    metrics.total_transfer_messages_exchanged_total.inc({ direction: 'receive' })
    const refusal = await this.#take(this.#open(body))
    if (refusal !== undefined) this.#refuse(refusal)
    else metrics.waku_node_messages_total.inc({ type: 'sync' })
  }

  #passes(peer: string): boolean {
    const door = this.#doors.get(peer)
    if (door === undefined || door.until < performance.now() || door.left <= 0) return false
    door.left -= 1
    return true
  }

  #open(body: Uint8Array): Envelope {
    try {
      const { pubsubTopic, bytes } = decodeTransfer(body)
      return openEnvelope(pubsubTopic, bytes, this.#parts.clock())
    } catch (error) {
      this.#refuse('malformed')
      throw error
    }
  }

  async #take(envelope: Envelope): Promise<Refusal | undefined> {
    const { keeps, maxMessageBytes, judge, archive } = this.#parts
    if (!keeps(envelope.pubsubTopic)) return 'foreign'
    if (!this.#isOfTheTime(envelope)) return 'time'
    if (envelope.bytes.length > maxMessageBytes || (await judge(envelope)).result !== 'accept') return 'invalid'
    try {
      return (await archive.put(envelope, 'history')) === 'stored' ? undefined : 'not_stored'
    } catch (error) {
      // The archive is degraded or full: the next session brings it again.
      if (isWaypostError(error)) return 'not_stored'
      throw error
    }
  }

  #isOfTheTime({ message: { timestamp } }: Envelope): boolean {
    if (timestamp === undefined) return false
    const age = this.#parts.clock() - toMilliseconds(timestamp)
    return age <= this.#parts.maxAge && age >= -maxAhead
  }

  #refuse(reason: Refusal): void {
    this.#parts.metrics.waypost_sync_refused_messages_total.inc({ reason })
  }
}
