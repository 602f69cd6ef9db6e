/** HTTP by hand, for what no client would send. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/** Sends `bytes` and returns all that comes until the server closes. It is not told that we have no more. */
export async function rawHttp(url: string, ...bytes: readonly (string | Uint8Array)[]): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  for (const some of bytes) socket.write(some)
  try {
    return await text(socket)
  } finally {
    socket.destroy()
  }
}

/** The status lines in what came: as many as there were answers. */
export function statusesIn(answers: string): readonly number[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}
