/** What many clients who page through history do to the other services of a node. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Bench } from '../kit/bench.ts'
import { Load } from '../kit/load.ts'
import { byRelay, filterClient, relayPeer } from '../kit/peers.ts'
import type { Subject } from '../kit/subject.ts'
import { type Spread, spreadOf } from './task.ts'

const clients = 50
const payloadBytes = 1024
const perSecond = 100
/** Of one phase; the phases take turns, so many of each. */
const milliseconds = 8000
const rounds = 2

/** Times from the publisher to a relay peer and to a filter client behind the node, and the longest hold of its loop, in ms. */
export interface Services {
  readonly relay: Spread
  readonly filter: Spread
  readonly lost: number
  readonly held: number
}

export interface Crowded {
  readonly alone: Services
  readonly amid: Services
  readonly walkers: Spread & { readonly perSecond: number }
}

/** Times of one kind of phase. */
class Phase {
  readonly relay: number[] = []
  readonly filter: number[] = []
  lost = 0
  held = 0

  get services(): Services {
    return { relay: spreadOf(this.relay), filter: spreadOf(this.filter), lost: this.lost, held: this.held }
  }
}

export class Crowd {
  readonly #bench: Bench
  readonly #subject: Subject
  #phase = new Phase()
  #load: Load | undefined

  constructor(bench: Bench, subject: Subject) {
    this.#bench = bench
    this.#subject = subject
  }

  async measure(): Promise<Crowded> {
    await this.#open()
    const walkers = await this.#startWalkers()
    const [alone, amid, pages]: [Phase, Phase, number[]] = [new Phase(), new Phase(), []]
    for (let round = 0; round < rounds; round += 1) {
      await this.#run(alone)
      walkers.send('walk')
      await this.#run(amid)
      walkers.send('rest')
      const { times } = (await saidBy(walkers)) as { times: number[] }
      pages.push(...times)
    }
    walkers.disconnect()
    const rate = (pages.length / (rounds * milliseconds)) * 1000
    return { alone: alone.services, amid: amid.services, walkers: { ...spreadOf(pages), perSecond: rate } }
  }

  /** A relay peer and a filter client behind the node, a publisher before it, and a first run that counts for nothing. */
  async #open(): Promise<void> {
    await relayPeer(this.#bench, this.#subject, (payload) => this.#received(payload, this.#phase.relay))
    await filterClient(this.#bench, this.#subject, (payload) => this.#received(payload, this.#phase.filter))
    this.#load = new Load({ payloadBytes, copies: 2, send: await byRelay(this.#bench, this.#subject) })
    await this.#run(new Phase())
  }

  async #startWalkers(): Promise<ChildProcess> {
    const script = path.join(import.meta.dirname, 'steps/walkers.js')
    const args = [String(this.#subject.address), String(clients)]
    const walkers = fork(script, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#bench.teardown(() => walkers.kill('SIGKILL'))
    await saidBy(walkers)
    return walkers
  }

  async #run(phase: Phase): Promise<void> {
    this.#phase = phase
    await this.#subject.held?.()
    const outcome = await this.#load?.pace(perSecond, milliseconds)
    phase.held = Math.max(phase.held, (await this.#subject.held?.()) ?? Number.NaN)
    phase.lost += outcome?.lost ?? 0
  }

  #received(payload: Uint8Array, times: number[]): void {
    times.push(performance.now() - Load.sentAt(payload))
    this.#load?.received(payload)
  }
}

/** The next that the walkers say. Throws when they end instead. */
async function saidBy(walkers: ChildProcess): Promise<unknown> {
  const ended = once(walkers, 'exit').then(() => {
    throw new Error('the paging clients ended')
  })
  const [said] = await Promise.race([once(walkers, 'message'), ended])
  return said
}
