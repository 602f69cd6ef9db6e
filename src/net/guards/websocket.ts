/**
 * What @libp2p/websockets leaves open in its WebSocket server, closed through the options that `ws` documents.
 *
 * A malformed frame makes `ws` emit an error for which the transport has no listener: uncaught, it ends the process, and
 * anyone can send one. A message may grow to 100 MiB before the sender has said who it is. And since the transport
 * resets a connection with close code 1006, which no WebSocket sends, a reset connection stayed open.
 */
import type { IncomingMessage } from 'node:http'
import type { Listener, MultiaddrConnection } from '@libp2p/interface'
import { WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import type { Gate } from './gate.ts'

/** For a client to answer our close frame; by default `ws` waits half a minute. */
const closeTimeout: Milliseconds = 2000

/** "Abnormal closure" (RFC 6455, 7.4.1): never sent, only found. */
const abnormalClosure = 1006

/** The part of `ws` that stands behind a listener: its server's options. */
interface ServerOptions {
  maxPayload: number
  closeTimeout: number
  perMessageDeflate: boolean
  verifyClient: ((info: { req: IncomingMessage }) => boolean) | null
  WebSocket: SocketClass
}

interface Socket {
  on(event: 'error', listener: () => void): unknown
  close(code?: number, reason?: string): void
  terminate(): void
}

// A mixin's constructor takes whatever its base takes.
// biome-ignore lint/suspicious/noExplicitAny: TypeScript asks for any[] here (TS2545)
type SocketClass = new (...args: any[]) => Socket

export interface WebSocketGuard {
  readonly gate: Gate
  /** Bytes of one message. */
  readonly maxPayload: number
  /** Called for each connection that is closed for a frame that is not valid. */
  readonly refused: () => void
}

/** Guards the WebSocket server of `listener`. To be called before it listens. */
export function guardWebSocket(listener: Listener, { gate, maxPayload, refused }: WebSocketGuard): void {
  const options = optionsOf(listener)
  options.maxPayload = maxPayload
  options.closeTimeout = closeTimeout
  options.perMessageDeflate = false
  options.verifyClient = ({ req }) => forwarded(gate, req)
  options.WebSocket = hardened(options.WebSocket, refused)
}

/** Closes the WebSocket under a connection that we dialled when the connection ends, in whatever way. */
export function closeWithConnection(connection: MultiaddrConnection): void {
  const { websocket } = connection as { websocket?: Pick<WebSocket, 'close'> }
  connection.addEventListener('close', () => websocket?.close(), { once: true })
}

/** A socket that ends at an error, and at once when it is reset. */
function hardened(Base: SocketClass, refused: () => void): SocketClass {
  return class extends Base {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    constructor(...args: any[]) {
      super(...args)
      this.on('error', () => {
        refused()
        this.terminate()
      })
    }

    override close(code?: number, reason?: string): void {
      if (code === abnormalClosure) this.terminate()
      else super.close(code, reason)
    }
  }
}

function forwarded(gate: Gate, { socket, headers }: IncomingMessage): boolean {
  const header = headers['x-forwarded-for']
  return gate.forwarded(
    socket.remoteAddress ?? '',
    socket.remotePort ?? 0,
    Array.isArray(header) ? header.join() : header,
  )
}

function optionsOf(listener: Listener): ServerOptions {
  const server = (listener as { wsServer?: { options?: Partial<ServerOptions> } }).wsServer
  const options = server?.options
  if (typeof options?.maxPayload === 'number' && typeof options.WebSocket === 'function')
    return options as ServerOptions
  throw new WaypostError('internal/bug', { why: 'a WebSocket listener without a server of ws, which no guard fits' })
}
