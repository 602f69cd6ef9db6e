/** Ctrl-C and SIGTERM for commands that run for long: the first asks to end, a second one ends at once. */
import { exits } from './exit-codes.ts'

/** Aborted at the first signal. Ask for it once. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exits.interrupted)
      controller.abort()
    })
  }
  return controller.signal
}
