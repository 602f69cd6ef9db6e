/** How fast messages are stored. Reading them from the history is not measured. */
import type { Envelope } from '../../../src/core/envelope.ts'
import type { Piece } from './history.ts'

export interface Stored {
  readonly perSecond: number
  /** Seconds of all threads of this process. */
  readonly cpuPerThousand: number
}

export async function stored(
  insert: (envelopes: readonly Envelope[]) => Promise<void>,
  pieces: Iterable<Piece>,
): Promise<Stored> {
  let [messages, milliseconds, microseconds] = [0, 0, 0]
  for (const piece of pieces) {
    const envelopes = piece.envelopes()
    const [start, cpu] = [performance.now(), process.cpuUsage()]
    await insert(envelopes)
    milliseconds += performance.now() - start
    const { user, system } = process.cpuUsage(cpu)
    microseconds += user + system
    messages += envelopes.length
  }
  return { perSecond: (messages / milliseconds) * 1000, cpuPerThousand: microseconds / 1000 / messages }
}
