/**
 * Bounds on DCUtR, which turns a relayed connection into a direct one: the peer names addresses, and we dial them.
 *
 * The library does so for whoever asks, over any connection and up to the 25 addresses of a dial, so that a stranger
 * could have us knock at doors of his choice. Here it is done only over a connection that is relayed, and seldom.
 * https://github.com/libp2p/specs/blob/master/relay/DCUtR.md
 */
import type { dcutr } from '@libp2p/dcutr'
import type { StreamHandler } from '@libp2p/interface'
import { Quota } from '../quota.ts'
import { isRelayed } from './address.ts'

type Factory = ReturnType<typeof dcutr>
type Components = Parameters<Factory>[0]

/** Addresses of one peer that are dialled: an IPv4 and an IPv6 one, over TCP and WebSocket. */
const mostAddresses = 4

/** How often we dial for one peer, and for all. The library itself tries three times for each connection. */
const rate = { perPeer: { volume: 3, period: 60_000 }, total: { volume: 20, period: 60_000 } }

/** The service that `factory` makes, bounded. */
export function guardPunching(factory: Factory): Factory {
  return (components) => {
    const { registrar, connectionManager } = components
    const quota = new Quota(rate)
    const guarded = (handler: StreamHandler): StreamHandler => {
      return async (stream, connection) => {
        if (isRelayed(connection.remoteAddr) && quota.take(connection.remotePeer.toString()))
          return await handler(stream, connection)
        stream.abort(new Error('not over this connection, or not so often'))
      }
    }
    const handle: Components['registrar']['handle'] = (protocol, handler, options) =>
      registrar.handle(protocol, guarded(handler), options)
    const openConnection: Components['connectionManager']['openConnection'] = (peer, options) =>
      connectionManager.openConnection(Array.isArray(peer) ? peer.slice(0, mostAddresses) : peer, options)
    return factory(
      Object.create(components, {
        registrar: { value: Object.create(registrar, { handle: { value: handle } }) },
        connectionManager: { value: Object.create(connectionManager, { openConnection: { value: openConnection } }) },
      }),
    )
  }
}
