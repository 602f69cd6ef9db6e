/**
 * The end of a host. Clients must learn it at once: a stream that is closed in good order makes them wait, and a
 * connection that just ends makes them believe that we are still there. So streams are reset first, then connections
 * closed, then libp2p stopped.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection, Libp2p, ServiceMap } from '@libp2p/interface'
import type { Milliseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'

/** For the peers to take our goodbye. */
const closeTimeout: Milliseconds = 1000

/** For libp2p to stop its services; the whole node has ten seconds. */
const stopTimeout: Milliseconds = 5000

const stopping = new Error('the node stops')

/** Stops `libp2p` within six seconds, whatever peers do. Does nothing when it is stopped. */
export async function stopLibp2p<S extends ServiceMap>(libp2p: Libp2p<S>, log: Log): Promise<void> {
  const connections = libp2p.getConnections()
  for (const connection of connections) resetStreams(connection)
  await Promise.all(connections.map(closeConnection))
  if (!(await inTime(libp2p.stop()))) log.debug('libp2p did not stop in time')
}

function resetStreams(connection: Connection): void {
  for (const stream of [...connection.streams]) stream.abort(stopping)
}

async function closeConnection(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(closeTimeout) })
  } catch {
    connection.abort(stopping)
  }
}

async function inTime(stop: void | Promise<void>): Promise<boolean> {
  const late = new AbortController()
  const timeout = delay(stopTimeout, false, { signal: late.signal }).catch(() => false)
  try {
    return await Promise.race([Promise.resolve(stop).then(() => true), timeout])
  } finally {
    late.abort()
  }
}
