/** What is answered to bytes that are no request of HTTP, to one that is too large in front, and to one that never ends. */
import type { Socket } from 'node:net'

/** By Node's code of what is wrong; what is not here is no HTTP. */
const lines: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
const malformed = '400 Bad Request'

/** Answers without a body, as nwaku does, and closes: what may still come belongs to nothing. */
export function refuseBroken({ code = '' }: { readonly code?: string }, socket: Socket): void {
  if (socket.destroyed || !socket.writable) return
  socket.write(`HTTP/1.1 ${lines[code] ?? malformed}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
  socket.destroySoon()
}
