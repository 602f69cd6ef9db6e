/**
 * Bytes over the sockets of peers: the system counts them, and is asked when somebody wants to know, so that a packet
 * costs nothing here.
 */
import type { MultiaddrConnection } from '@libp2p/interface'

/** What has counts: a socket, or what counts for one. */
export interface Counted {
  readonly bytesRead: number
  readonly bytesWritten: number
  once(event: 'close', listener: () => void): unknown
}

export interface TrafficTotals {
  readonly in: number
  readonly out: number
}

export class Traffic {
  readonly #open = new Set<Counted>()
  #closed: TrafficTotals = { in: 0, out: 0 }

  /** Counts what goes over `socket` until it closes. */
  watch(socket: Counted): void {
    this.#open.add(socket)
    socket.once('close', () => {
      if (this.#open.delete(socket)) this.#closed = plus(this.#closed, socket)
    })
  }

  /** Counts a connection that we dialled. */
  watchDialled(connection: MultiaddrConnection): void {
    const { socket, websocket } = connection as { socket?: Counted; websocket?: WebSocket }
    if (socket !== undefined) this.watch(socket)
    else if (websocket !== undefined) this.watch(countWebSocket(websocket))
  }

  /** All bytes since the start. */
  totals(): TrafficTotals {
    return [...this.#open].reduce(plus, this.#closed)
  }
}

function plus(sum: TrafficTotals, { bytesRead, bytesWritten }: Counted): TrafficTotals {
  return { in: sum.in + bytesRead, out: sum.out + bytesWritten }
}

/** A WebSocket that we dialled hides its socket: counted is what it carries. */
function countWebSocket(websocket: WebSocket): Counted {
  const count = { bytesRead: 0, bytesWritten: 0 }
  const send = websocket.send.bind(websocket)
  websocket.addEventListener('message', ({ data }) => {
    count.bytesRead += (data as ArrayBuffer).byteLength
  })
  websocket.send = (data) => {
    count.bytesWritten += (data as Uint8Array).byteLength
    send(data)
  }
  return Object.assign(count, {
    once: (event: 'close', listener: () => void) => websocket.addEventListener(event, listener, { once: true }),
  })
}
