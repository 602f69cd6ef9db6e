/** A stream as an async iterable. A reader that does not keep up pauses it. */
import type { Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { iteratedBytes } from './limits.ts'

type Chunk = Uint8Array | Uint8ArrayList

/** Chunks until the peer ends its side. Throws when the stream is reset or aborted. */
export async function* readStream(stream: Stream): AsyncGenerator<Chunk> {
  const waiting = new Waiting(stream)
  try {
    for (let chunk = await waiting.next(); chunk !== undefined; chunk = await waiting.next()) yield chunk
  } finally {
    waiting.stop()
  }
}

/** Chunks that came and were not asked for yet. */
class Waiting {
  readonly #stream: Stream
  readonly #chunks: Chunk[] = []
  #bytes = 0
  #ended: boolean
  #error: Error | undefined
  #wake = (): void => {}

  constructor(stream: Stream) {
    this.#stream = stream
    this.#ended = stream.readableEnded
    stream.addEventListener('message', this.#take)
    stream.addEventListener('end', this.#end)
    stream.addEventListener('close', this.#close)
  }

  async next(): Promise<Chunk | undefined> {
    while (this.#chunks.length === 0 && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      if (this.#stream.readStatus === 'paused') this.#stream.resume()
      else await promise
    }
    const chunk = this.#chunks.shift()
    this.#bytes -= chunk?.byteLength ?? 0
    if (chunk === undefined && this.#error !== undefined) throw this.#error
    return chunk
  }

  stop(): void {
    this.#stream.removeEventListener('message', this.#take)
    this.#stream.removeEventListener('end', this.#end)
    this.#stream.removeEventListener('close', this.#close)
    if (this.#stream.readStatus === 'paused') this.#stream.resume()
  }

  readonly #take = ({ data }: { readonly data: Chunk }): void => {
    this.#chunks.push(data)
    this.#bytes += data.byteLength
    if (this.#bytes > iteratedBytes && this.#stream.readStatus === 'readable') this.#stream.pause()
    this.#wake()
  }

  readonly #end = (): void => {
    this.#ended = true
    this.#wake()
  }

  /** A stream that closes without a fault still has its `end`, behind what is unread. */
  readonly #close = ({ error }: { readonly error?: Error }): void => {
    this.#error = error
    if (error !== undefined) this.#end()
  }
}
