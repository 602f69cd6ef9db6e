/**
 * What a connection is given at once leaves in one system call, in however many pieces it comes.
 *
 * The stock TCP connection writes each piece by itself; and after one that is larger than what a socket may hold back
 * (64 KiB) it waits for the socket to drain, though the system mostly takes all of it at once. The stock WebSocket
 * connection makes a message of each piece.
 */
import { Socket } from 'node:net'
import type { MultiaddrConnection } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { giveBack, isLarge, lent } from './lent.ts'

interface Sent {
  readonly sentBytes: number
  readonly canSendMore: boolean
}

/** What the connections of both transports have, and their interface does not name. */
interface Inside {
  readonly socket?: unknown
  readonly websocket?: unknown
  sendData?: (data: Uint8ArrayList) => Sent
}

/** Has `connection` write once for each call of `send`. */
export function writeAtOnce(connection: MultiaddrConnection): void {
  const inside = connection as Inside
  const { socket, websocket, sendData } = inside
  if (socket instanceof Socket) {
    lent.delivered.add(connection)
    inside.sendData = (data) => writeAll(socket, data, lent.given.has(connection))
  } else if (websocket !== undefined && sendData !== undefined)
    inside.sendData = (data) => sendData.call(connection, joined(data))
}

function writeAll(socket: Socket, data: Uint8ArrayList, isGiven: boolean): Sent {
  socket.cork()
  for (const piece of data) {
    if (isGiven && isLarge(piece)) socket.write(piece, () => giveBack(piece))
    else socket.write(piece)
  }
  socket.uncork()
  return { sentBytes: data.byteLength, canSendMore: socket.writableLength < socket.writableHighWaterMark }
}

function joined(data: Uint8ArrayList): Uint8ArrayList {
  const whole = data.subarray()
  data.consume(data.byteLength)
  data.append(whole)
  return data
}
