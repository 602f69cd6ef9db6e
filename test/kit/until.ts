/** Waiting for states that nothing announces. */
import { setTimeout } from 'node:timers/promises'

/** Milliseconds between two looks. */
const pause = 20

/** Resolves when `holds` does; the time limit of the test is the only one. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(pause)
}
