/**
 * The frames of yamux: twelve bytes of header, and behind that of a data frame its body.
 * https://github.com/hashicorp/yamux/blob/master/spec.md, "Framing"
 */

/** Version, type, flags, stream id, length. */
export const headerBytes = 12

export const frameVersion = 0

export const FrameType = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const

export const Flag = { syn: 1, ack: 2, fin: 4, rst: 8 } as const

/** Why a session ends: the length of a GoAway frame. */
export const GoAway = { normal: 0, protocolError: 1, internalError: 2 } as const

/** Bytes that each side may send on a new stream before it is granted more. */
export const firstWindow = 256 * 1024

/** What the length of a data frame says is its body; of a window update, the bytes granted; of a ping, its value. */
export interface Header {
  version: number
  type: number
  flags: number
  id: number
  length: number
}

/** Reads the header that begins at `offset` into `header`, which is used again and again. All twelve bytes are there. */
export function readHeader(bytes: Uint8Array, offset: number, header: Header): void {
  header.version = bytes[offset] ?? 0
  header.type = bytes[offset + 1] ?? 0
  header.flags = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0)
  header.id = readUint32(bytes, offset + 4)
  header.length = readUint32(bytes, offset + 8)
}

/** A header in a buffer of its own, cut from Node's pool. */
export function writeHeader(type: number, flags: number, id: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(headerBytes)
  bytes[0] = frameVersion
  bytes[1] = type
  bytes[2] = flags >>> 8
  bytes[3] = flags
  writeUint32(bytes, 4, id)
  writeUint32(bytes, 8, length)
  return bytes
}

/** The frames without a body. */
export const controlFrames = {
  update: (id: number, length: number) => writeHeader(FrameType.windowUpdate, 0, id, length),
  open: (id: number) => writeHeader(FrameType.windowUpdate, Flag.syn, id, 0),
  accept: (id: number) => writeHeader(FrameType.windowUpdate, Flag.ack, id, 0),
  end: (id: number) => writeHeader(FrameType.windowUpdate, Flag.fin, id, 0),
  reset: (id: number) => writeHeader(FrameType.windowUpdate, Flag.rst, id, 0),
  ping: (value: number) => writeHeader(FrameType.ping, Flag.syn, 0, value),
  pong: (value: number) => writeHeader(FrameType.ping, Flag.ack, 0, value),
  goAway: (reason: number) => writeHeader(FrameType.goAway, 0, 0, reason),
} as const

function readUint32(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)
  return high * 0x1_0000 + (((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0))
}

function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}
