/**
 * Puts the gate before a transport's listeners: each socket passes it before the transport sees it, and is told to have
 * an identity, or to have failed to prove one, when its upgrade ends.
 */
import { Server, type Socket } from 'node:net'
import type { Connection, Listener, MultiaddrConnection, Transport, Upgrader, UpgraderOptions } from '@libp2p/interface'
import { CODE_IP4, CODE_IP6, CODE_TCP, CODE_UDP, type Multiaddr } from '@multiformats/multiaddr'
import { messageOf, WaypostError } from '../../core/errors.ts'
import type { HostLimits } from '../limits.ts'
import type { Stack } from '../stack/stack.ts'
import type { Budget } from './budget.ts'
import type { DialRules } from './dial-rules.ts'
import type { Gate } from './gate.ts'
import type { Traffic } from './traffic.ts'

type TransportFactory = Stack['tcp']

/** How a dial goes: begun, and then one of the others. */
export type DialStep = 'begun' | 'connected' | 'failed'

export interface TransportGuard {
  readonly gate: Gate
  readonly budget: Budget
  readonly traffic: Traffic
  /** Where we may be sent; absent: everywhere. */
  readonly rules?: DialRules | undefined
  /** Told of each step of each dial. */
  readonly dial: (step: DialStep) => void
  readonly limits: HostLimits
  /** What a kind of listener needs beside the gate, done before its first connection. */
  readonly prepare?: (listener: Listener) => void
  /** What a kind of connection that we dialled needs. */
  readonly dialled?: (connection: MultiaddrConnection) => void
}

/** The transport that `factory` makes, guarded in both directions. */
export function guardTransport(factory: TransportFactory, guard: TransportGuard): TransportFactory {
  return (components) => {
    const transport: Transport = factory(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = async (address, options) => {
      const { signal = new AbortController().signal, upgrader } = options
      const way = (await guard.rules?.wayTo(address, signal)) ?? address
      return await told(dial(way, { ...options, upgrader: boundedUpgrader(upgrader, guard) }), guard.dial)
    }
    transport.createListener = (options) => {
      const listener = createListener({ ...options, upgrader: boundedUpgrader(options.upgrader, guard) })
      guardServer(serverOf(listener), guard)
      guard.prepare?.(listener)
      return listener
    }
    return transport
  }
}

/** Tells how a dial goes. */
export async function told(dialling: Promise<Connection>, tell: TransportGuard['dial']): Promise<Connection> {
  tell('begun')
  try {
    const connection = await dialling
    tell('connected')
    return connection
  } catch (error) {
    tell('failed')
    throw error
  }
}

/**
 * An upgrader that bounds what a connection may buffer, and tells the gate how each inbound upgrade ended. Of a relayed
 * connection the gate is told the relay's address, which it has let in long since.
 */
export function boundedUpgrader(
  upgrader: Upgrader,
  { gate, budget, limits, traffic, dialled }: TransportGuard,
): Upgrader {
  const bound = (connection: MultiaddrConnection): void => {
    connection.maxReadBufferLength = limits.pendingBytes
    connection.maxWriteBufferLength = limits.connectionWriteBytes
    budget.watch(connection)
  }
  const upgradeOutbound = async (connection: MultiaddrConnection, options: UpgraderOptions): Promise<Connection> => {
    bound(connection)
    traffic.watchDialled(connection)
    dialled?.(connection)
    try {
      return await upgrader.upgradeOutbound(connection, options)
    } catch (error) {
      // Not every transport closes what it dialled in vain.
      connection.abort(error instanceof Error ? error : new Error(messageOf(error)))
      throw error
    }
  }
  const upgradeInbound = async (connection: MultiaddrConnection, options: UpgraderOptions): Promise<void> => {
    bound(connection)
    const { address, port } = remoteOf(connection.remoteAddr)
    try {
      await upgrader.upgradeInbound(connection, options)
      gate.identified(address, port)
    } catch (error) {
      // The transport says farewell to the peer, who may never answer; the gate closes the socket.
      gate.failed(address, port, 'handshake')
      throw error
    }
  }
  return Object.assign(Object.create(upgrader) as Upgrader, { upgradeInbound, upgradeOutbound })
}

function remoteOf(remote: Multiaddr): { address: string; port: number } {
  const components = remote.getComponents()
  const address = components.find(({ code }) => code === CODE_IP4 || code === CODE_IP6)?.value ?? ''
  return { address, port: Number(components.find(({ code }) => code === CODE_TCP || code === CODE_UDP)?.value) }
}

/** The socket server inside a listener. A listener without one could not be guarded, so it does not start. */
function serverOf(listener: Listener): Server {
  const server = 'server' in listener ? listener.server : undefined
  if (server instanceof Server) return server
  throw new WaypostError('internal/bug', { why: 'a listener without a server, which no guard can stand before' })
}

function guardServer(server: Server, { gate, traffic }: Pick<TransportGuard, 'gate' | 'traffic'>): void {
  const accept = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    if (!gate.admit(socket)) return
    traffic.watch(socket)
    try {
      for (const take of accept) take.call(server, socket)
    } catch {
      // The listener is being closed and takes nobody: its throw would be uncaught here.
      socket.destroy()
    }
  })
}
