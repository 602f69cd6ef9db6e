/** Every connection of a transport, whoever dials, before anybody uses it. */
import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import type { Stack } from './stack.ts'

type TransportFactory = Stack['tcp']

/** The transport that `factory` makes; `change` is called with each of its connections. */
export function withEachConnection(
  factory: TransportFactory,
  change: (connection: MultiaddrConnection) => void,
): TransportFactory {
  return (components) => {
    const transport: Transport = factory(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = (address, options) => dial(address, { ...options, upgrader: changing(options.upgrader, change) })
    transport.createListener = (options) => createListener({ ...options, upgrader: changing(options.upgrader, change) })
    return transport
  }
}

function changing(upgrader: Upgrader, change: (connection: MultiaddrConnection) => void): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = (connection, options) => {
    change(connection)
    return upgrader.upgradeInbound(connection, options)
  }
  const upgradeOutbound: Upgrader['upgradeOutbound'] = (connection, options) => {
    change(connection)
    return upgrader.upgradeOutbound(connection, options)
  }
  return Object.assign(Object.create(upgrader) as Upgrader, { upgradeInbound, upgradeOutbound })
}
