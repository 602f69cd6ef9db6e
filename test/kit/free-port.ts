/** A port for what cannot choose one itself, or comes back to the one that it had. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give to whoever asks for any, and to connections: Linux from 32768, others from 49152. What is
 * free here is not taken by chance a moment later.
 */
const [first, end] = [10_240, 32_768]

/** A port of loopback that is free. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(first, end)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listening = once(server.listen(port, '127.0.0.1'), 'listening')
  try {
    await listening
  } catch {
    return false
  }
  await once(server.close(), 'close')
  return true
}
