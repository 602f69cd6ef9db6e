/** The UDP socket of discv5: IPv4, or IPv6 and with it IPv4 too. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import { systemCode, WaypostError } from '../../../core/errors.ts'
import { canonical } from '../../networks.ts'
import type { SocketAddress } from '../address-fields.ts'

export interface DatagramSocket extends AsyncDisposable {
  readonly port: number
  /** Sends and forgets. An address that this socket cannot reach is as if nobody were there. */
  send(bytes: Uint8Array, to: SocketAddress): void
}

export interface SocketOptions extends SocketAddress {
  readonly receive: (bytes: Uint8Array, from: SocketAddress) => void
}

/** Listens at `address` and `port`; 0 takes a free one. Throws `listen/failed`. */
export async function openSocket({ address, port, receive }: SocketOptions): Promise<DatagramSocket> {
  const six = isIP(address) === 6
  const socket = createSocket(six ? 'udp6' : 'udp4')
  try {
    socket.bind({ address, port })
    await once(socket, 'listening')
  } catch (error) {
    socket.close()
    throw new WaypostError('listen/failed', { what: 'discv5', address, port, why: systemCode(error) }, { cause: error })
  }
  // The system may tell of a datagram that did not arrive. Whoever waits for its answer finds out by itself.
  socket.on('error', () => {})
  socket.on('message', (bytes, from) => receive(bytes, addressOf(from)))
  const { port: realPort } = socket.address()
  let isOpen = true
  return {
    port: realPort,
    send: (bytes, to) => {
      const reachable = reachableAddress(to.address, six)
      if (isOpen && reachable !== undefined && to.port > 0) socket.send(bytes, to.port, reachable, () => {})
    },
    [Symbol.asyncDispose]: async () => {
      isOpen = false
      await close(socket)
    },
  }
}

function addressOf({ address, port }: RemoteInfo): SocketAddress {
  return { address: canonical(address), port }
}

/** A socket of IPv6 reaches IPv4 by an address of its own; one of IPv4 reaches no IPv6 at all. */
function reachableAddress(address: string, six: boolean): string | undefined {
  const family = isIP(address)
  if (six) return family === 4 ? `::ffff:${address}` : address
  return family === 4 ? address : undefined
}

function close(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()))
}
