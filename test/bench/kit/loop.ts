/** How long the event loop of this process is held. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/**
 * Does `work`, and gives the longest time in ms for which nothing else had its turn. The monitor is made anew each time: one
 * that is disabled and enabled again counts the time between as held.
 */
export async function heldWhile<Result>(work: () => Promise<Result>): Promise<{ result: Result; held: number }> {
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  monitor.enable()
  const result = await work()
  // What holds the loop last is counted in the turn after.
  await new Promise((resolve) => setTimeout(resolve, 2))
  monitor.disable()
  return { result, held: monitor.max / 1e6 }
}
