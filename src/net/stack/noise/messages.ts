/**
 * The messages of a handshake over a connection, each after its length in two bytes.
 *
 * Nothing is read ahead: what follows a message goes back into the connection, whose own limit then holds for it.
 */
import {
  ConnectionClosedError,
  InvalidCryptoExchangeError,
  type MessageStream,
  type StreamCloseEvent,
  type StreamMessageEvent,
} from '@libp2p/interface'

/** Bytes of a message. With an RSA key of 8192 bits it has some 2,300. */
export const maxMessageBytes = 8192

const lengthBytes = 2

/** Sends a message. */
export function sendMessage(connection: MessageStream, message: Uint8Array): void {
  const framed = Buffer.allocUnsafe(lengthBytes + message.length)
  framed.writeUInt16BE(message.length)
  framed.set(message, lengthBytes)
  connection.send(framed)
}

/** The next message that comes. Throws when it is too long, when the connection ends first, and when `signal` says so. */
export async function readMessage(connection: MessageStream, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted()
  const incoming = new Incoming()
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const stop = listen(connection, {
    message({ data }) {
      const chunk = data.subarray()
      const rest = chunk.subarray(incoming.take(chunk))
      if (!incoming.isComplete) return
      // Before what is left goes back: the connection hands it to whoever listens.
      stop()
      connection.unshift(rest)
      resolve(incoming.message)
    },
    failed: reject,
  })
  const aborted = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', aborted)
  // A connection that has ended may still hold what came before, which it hands over in a microtask before this one.
  if (connection.status !== 'open') queueMicrotask(() => reject(endedEarly()))
  return promise.finally(() => {
    stop()
    signal?.removeEventListener('abort', aborted)
  })
}

interface Listeners {
  message(event: StreamMessageEvent): void
  failed(error: Error): void
}

/** Calls `message` with what comes, and `failed` when nothing more comes or `message` throws. Returns what ends that. */
function listen(connection: MessageStream, { message, failed }: Listeners): () => void {
  const onMessage = (event: StreamMessageEvent): void => {
    try {
      message(event)
    } catch (error) {
      failed(error instanceof Error ? error : endedEarly())
    }
  }
  const onClose = ({ error }: StreamCloseEvent): void => failed(error ?? endedEarly())
  const onEnd = (): void => failed(endedEarly())
  connection.addEventListener('message', onMessage)
  connection.addEventListener('close', onClose)
  connection.addEventListener('remoteCloseWrite', onEnd)
  return () => {
    connection.removeEventListener('message', onMessage)
    connection.removeEventListener('close', onClose)
    connection.removeEventListener('remoteCloseWrite', onEnd)
  }
}

function endedEarly(): Error {
  return new ConnectionClosedError('the connection ended during the handshake')
}

/** A message that is being collected. */
class Incoming {
  readonly #bytes = Buffer.allocUnsafe(lengthBytes + maxMessageBytes)
  #filled = 0

  /** Takes what belongs to the message from the beginning of `chunk`, and returns how much that was. */
  take(chunk: Uint8Array): number {
    const before = this.#filled
    this.#fill(chunk, lengthBytes)
    if (this.#filled >= lengthBytes) this.#fill(chunk.subarray(this.#filled - before), this.#end)
    return this.#filled - before
  }

  get isComplete(): boolean {
    return this.#filled >= lengthBytes && this.#filled === this.#end
  }

  get message(): Uint8Array {
    return this.#bytes.subarray(lengthBytes, this.#filled)
  }

  get #end(): number {
    const length = this.#bytes.readUInt16BE()
    if (length > maxMessageBytes) throw new InvalidCryptoExchangeError('a handshake message that is too long')
    return lengthBytes + length
  }

  #fill(chunk: Uint8Array, end: number): void {
    const part = chunk.subarray(0, Math.max(0, end - this.#filled))
    this.#bytes.set(part, this.#filled)
    this.#filled += part.length
  }
}
