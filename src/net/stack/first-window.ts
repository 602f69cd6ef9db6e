/**
 * Keeps within 256,000 bytes of the window that a yamux peer grants with a new stream.
 *
 * The specification says 262,144 (https://github.com/hashicorp/yamux/blob/master/spec.md, "flow control"), but until
 * July 2026 nim-libp2p, and so nwaku, granted 256,000 and reset whoever sent more.
 */
import type { Stream } from '@libp2p/interface'

const specified = 262_144
const granted = 256_000

/** Uses less of the first window of `stream`. The stock stream counts in this field what it may still send. */
export function narrowFirstWindow(stream: Stream): void {
  const counted = stream as Stream & { sendWindowCapacity?: number }
  if (counted.sendWindowCapacity !== undefined) counted.sendWindowCapacity -= specified - granted
}
