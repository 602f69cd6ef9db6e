/**
 * Alerts fired by what they stand for: a real Prometheus scrapes real daemons to which real things happen. Each alert
 * fires for the node that is ill, and none for the healthy one beside it.
 */
import type { Test } from 'tap'
import { busyTwins, clientTraffic } from './busy.ts'
import { Prometheus } from './prometheus.ts'
import { needs } from './tools.ts'

/** Several daemons and a Prometheus start for each file, some of them four times. */
const patience = 600_000

export const metricsFlags = ['--metrics-server', '--metrics-server-port=0']

export interface Patient {
  readonly t: Test
  /** The name to have the ill node watched under. */
  readonly instance: string
  readonly prometheus: Prometheus
}

/** What makes tests of ill nodes, beside a healthy one that all tests of the file share. */
export function illnesses(t: Test) {
  t.setTimeout(patience)
  const hospital = new Hospital(t)
  return (t: Test, name: string, course: (patient: Patient) => Promise<unknown>): void => {
    t.test(name, { timeout: patience }, async (t) => {
      const program = needs(t, 'prometheus')
      if (program === undefined) return
      const prometheus = await hospital.open(program)
      await course({ t, instance: name, prometheus })
      await prometheus.rounds('healthy', 2)
      t.same(await prometheus.lasting('healthy'), [], 'the healthy node beside it has no alert')
    })
  }
}

/** A Prometheus and a healthy node, started when they are first needed. */
class Hospital {
  readonly #t: Test
  #prometheus: Promise<Prometheus> | undefined

  constructor(t: Test) {
    this.#t = t
  }

  open(program: string): Promise<Prometheus> {
    this.#prometheus ??= this.#build(program)
    return this.#prometheus
  }

  async #build(program: string): Promise<Prometheus> {
    const prometheus = await Prometheus.start(this.#t, program)
    const [well, other] = await busyTwins(this.#t)
    prometheus.watch('healthy', well.metricsUrl)
    await clientTraffic(this.#t, well, other)
    return prometheus
  }
}
