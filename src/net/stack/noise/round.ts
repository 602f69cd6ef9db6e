/**
 * What is to be done at the end of a round of the event loop, after all that the sockets brought in: with one timer for
 * all connections, since a message that goes to fifty of them would make fifty.
 */
let waiting: (() => void)[] = []

/** Runs `run`, which does not throw, at the end of this round. */
export function atEndOfRound(run: () => void): void {
  if (waiting.length === 0) setImmediate(runAll)
  waiting.push(run)
}

function runAll(): void {
  const due = waiting
  waiting = []
  for (const run of due) run()
}
