/**
 * What goes on in a device beside what the application asks for: envelopes are read as they come, stores are asked for those
 * that were missed, what waits is sent, and who we are is published when it is due.
 */
import { isWaypostError, WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { keyOfUser, type PublicKey } from '../keys.ts'
import { tickMilliseconds } from '../mvds/schedule.ts'
import type { Carried, Network } from '../network.ts'
import { CatchUp } from './catch-up.ts'
import type { Engine, News, Turn } from './engine.ts'
import { Intake, type Readers } from './intake.ts'
import { contactCodeOf } from './places.ts'

/** How often stores are asked for what the live network may have lost. */
const catchUpEvery: Milliseconds = 5 * 60 * 1000

/** Messages of the network that wait to be read: what is above is fetched from a store afterwards. */
const maxWaiting = 10_000

export interface RuntimeParts extends Readers {
  readonly engine: Engine
  readonly network: Network
  /** Puts what we publish of ourselves on its way, where it is due. */
  readonly publish: (turn: Turn) => Promise<void>
  /** Told when the disk fails. */
  readonly failed: (error: unknown) => void
  /** Told of an envelope that was left out for a fault of ours. */
  readonly skipped: (error: unknown) => void
}

type Listener = (news: readonly News[]) => void

export class Runtime implements AsyncDisposable {
  readonly #parts: RuntimeParts
  readonly #intake: Intake
  readonly #catchUp: CatchUp
  readonly #listeners = new Set<Listener>()
  readonly #timers: NodeJS.Timeout[] = []
  /** What nobody waits for. */
  readonly #tasks = new Set<Promise<void>>()
  /** What the network is told to follow is of these changes of the channels. */
  #followed = -1
  /** The last asking for what was said on new channels. */
  #asking: Promise<void> = Promise.resolve()
  #waiting: Carried[] = []
  #reading: Promise<void> = Promise.resolve()
  #isReading = false
  #isClosed = false

  constructor(parts: RuntimeParts) {
    this.#parts = parts
    this.#intake = new Intake(parts.engine, parts)
    this.#catchUp = new CatchUp({ ...parts, take: (carried) => this.#take(carried) })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  start(): void {
    const { engine, network } = this.#parts
    // All that is listened on is asked for when there is a network.
    engine.unfetched.length = 0
    network.listen({
      message: (carried) => this.#hear(carried),
      online: () => this.#beside(() => this.#online()),
    })
    this.follow()
    this.#timers.push(setInterval(() => this.#tick(), tickMilliseconds))
    this.#timers.push(setInterval(() => this.#beside(() => this.#online()), catchUpEvery))
    for (const timer of this.#timers) timer.unref()
  }

  /** One turn on behalf of the application. */
  async do<Result>(work: (turn: Turn) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new WaypostError('messaging/closed', {})
    const { result, news } = await this.#parts.engine.turn(work)
    this.#after(news)
    return result
  }

  #after(news: readonly News[]): void {
    const { engine } = this.#parts
    this.follow()
    this.#beside(() => engine.outbox.flush())
    if (news.length > 0) this.#tell(news)
    if (engine.unfound.size > 0) this.#beside(() => this.#lookUpAll())
    if (engine.unfetched.length > 0) this.#beside(() => this.catchUpNew())
  }

  /** Has the network follow what is listened on now. */
  follow(): void {
    const { channels } = this.#parts.engine
    if (this.#followed === channels.changes) return
    this.#followed = channels.changes
    this.#parts.network.follow(channels.topics)
  }

  /**
   * Asks stores for what was said before on channels that are new, and on those of which that tells. Without a network that is
   * done later.
   */
  catchUpNew(): Promise<void> {
    this.#asking = this.#asking.catch(() => {}).then(() => this.#askForNew())
    return this.#asking
  }

  async #askForNew(): Promise<void> {
    const { unfetched } = this.#parts.engine
    while (unfetched.length > 0 && !this.#isClosed) {
      this.follow()
      await this.#catchUp.of(unfetched.splice(0)).catch(withoutNetwork)
    }
  }

  /** Finds the devices of somebody: what the person last published. */
  async lookUp(key: PublicKey): Promise<void> {
    const { engine } = this.#parts
    await this.do(async ({ rows, now }) => {
      const person = await engine.person(rows, key)
      await engine.keep(rows, { ...person, heardAt: now })
      engine.listenTo(key)
    })
    engine.channels.add(contactCodeOf(key))
    this.follow()
    await this.#catchUp.of([contactCodeOf(key)]).catch(withoutNetwork)
  }

  async #lookUpAll(): Promise<void> {
    const { unfound } = this.#parts.engine
    const ids = [...unfound]
    unfound.clear()
    for (const id of ids) await this.lookUp(keyOfUser(id))
  }

  #hear(carried: Carried): void {
    // What is left out here is fetched from a store afterwards.
    if (this.#waiting.length >= maxWaiting) return
    this.#waiting.push(carried)
    if (this.#isReading) return
    this.#isReading = true
    this.#reading = this.#readWaiting()
    this.#beside(() => this.#reading)
  }

  async #readWaiting(): Promise<void> {
    try {
      for (let one = this.#waiting.shift(); one !== undefined && !this.#isClosed; one = this.#waiting.shift())
        await this.#take(one)
    } finally {
      this.#isReading = false
    }
  }

  async #take(carried: Carried): Promise<void> {
    const { skipped } = this.#parts
    try {
      this.#after(await this.#intake.take(carried))
    } catch (error) {
      if (!isOurFault(error)) throw error
      skipped(error)
    }
  }

  #tick(): void {
    const { dueAt, outbox, clock } = this.#parts.engine
    const isDue = (at: Milliseconds | undefined): boolean => at !== undefined && at <= clock()
    if (isDue(dueAt)) this.#beside(() => this.do(async () => {}))
    else if (isDue(outbox.dueAt)) this.#beside(() => outbox.flush())
  }

  async #online(): Promise<void> {
    await this.#catchUp.all()
    if (!this.#isClosed) await this.do(this.#parts.publish)
    await this.#parts.engine.outbox.flush()
  }

  /** Does what nobody waits for. Without a network it is done again when there is one. */
  #beside(work: () => Promise<void>): void {
    if (this.#isClosed) return
    const task = work()
      .catch((error) => {
        if (!this.#isClosed && !isWaypostError(error, 'messaging/no-network')) this.#parts.failed(error)
      })
      .finally(() => this.#tasks.delete(task))
    this.#tasks.add(task)
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #tell(news: readonly News[]): void {
    for (const listener of [...this.#listeners]) listener(news)
  }

  /** Resolves with true at the next news, with false when there will be none. */
  nextNews(signal?: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const end = (): void => resolve(false)
    if (this.#isClosed || signal?.aborted === true) end()
    const off = this.onChange((news) => resolve(news.length > 0))
    signal?.addEventListener('abort', end, { once: true })
    return promise.finally(() => {
      off()
      signal?.removeEventListener('abort', end)
    })
  }

  async settled(): Promise<void> {
    await this.#reading.catch(() => {})
    await this.#parts.engine.outbox.flush()
  }

  async fetch(): Promise<void> {
    await this.#catchUp.all()
    await this.catchUpNew()
    await this.settled()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) clearInterval(timer)
    await this.#catchUp.stop()
    await Promise.all(this.#tasks)
    await this.#parts.engine.outbox.flush()
    this.#tell([])
    await this.#parts.engine.database[Symbol.asyncDispose]()
  }
}

/** Lets pass that there is no network, and nothing else. */
function withoutNetwork(error: unknown): void {
  if (!isWaypostError(error, 'messaging/no-network')) throw error
}

/** A mistake in what is done about a message, which another message need not meet: neither the disk's nor the end. */
function isOurFault(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true
  return isWaypostError(error) && !error.code.startsWith('storage/') && error.code !== 'messaging/closed'
}
