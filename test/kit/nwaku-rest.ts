/** A stand-in for the REST API of a node: it says what a test wants, as nwaku says it, and keeps what it was asked. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Status and body; a function writes the answer itself. */
export type Said = readonly [status: number, body: string] | ((response: ServerResponse, asked: Asked) => void)

export interface StandIn {
  readonly url: string
  readonly asked: Asked[]
}

/** A server whose `answer` gets `GET /path?query`; undefined is 404 without a body, as nwaku has it. */
export async function standIn(t: Test, answer: (asked: Asked) => Said | undefined): Promise<StandIn> {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    const one: Asked = { method, url, headers, body: await text(request) }
    asked.push(one)
    const said = answer(one) ?? [404, '']
    if (typeof said === 'function') said(response, one)
    else response.writeHead(said[0], { connection: 'close' }).end(said[1])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}
