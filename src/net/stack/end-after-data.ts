/**
 * Hears the end of a yamux stream after the data that came with it in one frame.
 *
 * nim-libp2p, and so nwaku, ends a stream with its last data frame when some of it had to wait for room
 * (libp2p/muxers/yamux/yamux.nim, "last buffer"). The stock stream takes the flag first: when our side is closed too, as it
 * is after a request, it is then closed as a whole, and the data is dropped.
 */
import type { Stream } from '@libp2p/interface'

/** A flag of yamux: the sender has nothing more to say. */
const fin = 4

interface DataFrame {
  readonly header: { readonly flag: number; readonly length: number }
  readonly data: Uint8Array
}

/** Has `stream` take frames of data with an end as two frames. */
export function endAfterData(stream: Stream): void {
  const inside = stream as Stream & { handleData?: (frame: DataFrame) => void }
  const take = inside.handleData?.bind(stream)
  if (take === undefined) return
  inside.handleData = (frame) => {
    const { header } = frame
    if ((header.flag & fin) === 0 || header.length === 0) return take(frame)
    take({ ...frame, header: { ...header, flag: header.flag & ~fin } })
    take({ header: { ...header, flag: fin, length: 0 }, data: new Uint8Array() })
  }
}
