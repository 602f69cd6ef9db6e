/** A schedule whose times come when the test says so. */
import type { Milliseconds, Schedule } from '../../src/core/time.ts'

export interface Appointment {
  readonly delay: Milliseconds
  /** Lets its time come. */
  run(): void
}

export class ManualSchedule {
  /** What is waited for now, the oldest first. */
  readonly due: Appointment[] = []
  readonly #asked: ((appointment: Appointment) => void)[] = []

  readonly schedule: Schedule = (run, delay) => {
    const cancel = (): void => {
      const index = this.due.indexOf(appointment)
      if (index >= 0) this.due.splice(index, 1)
    }
    const appointment = {
      delay,
      run: () => {
        cancel()
        run()
      },
    }
    const asked = this.#asked.shift()
    this.due.push(appointment)
    asked?.(appointment)
    return cancel
  }

  /** The oldest that is waited for; the next one to come when there is none. */
  async next(): Promise<Appointment> {
    return this.due[0] ?? (await new Promise((resolve) => this.#asked.push(resolve)))
  }
}
