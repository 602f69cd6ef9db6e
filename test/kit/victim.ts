/** Starts nodes in processes of their own and watches what attacks do to them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Test } from 'tap'
import type { HostLimits } from '../../src/net/limits.ts'

export interface Victim {
  readonly tcp: Multiaddr
  readonly ws: Multiaddr
  /** Resolves when the process has ended, with what it said last. */
  readonly ended: Promise<string>
  isAlive(): boolean
  /** Resolves with the next exception that an undying victim did not catch. */
  uncaught(): Promise<string>
  /** Resident memory in bytes. */
  memory(): Promise<number>
}

export type VictimKind = 'guarded' | 'stock' | 'undying'

/** A node that runs in a process of its own until the test ends. `limits` are for a guarded one. */
export async function victim(t: Test, kind: VictimKind, limits: Partial<HostLimits> = {}): Promise<Victim> {
  const script = new URL('./victim-process.js', import.meta.url)
  const child = fork(script, [kind, JSON.stringify(limits)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = endOf(child)
  const [tcp = '', ws = ''] = await told<string[]>(child, 'addresses')
  return {
    tcp: multiaddr(tcp),
    ws: multiaddr(ws),
    ended,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    uncaught: () => told<string>(child, 'uncaught'),
    memory() {
      child.send('memory')
      return told<number>(child, 'rss')
    },
  }
}

/** The next thing of this name that a victim tells. */
function told<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve) => {
    const hear = (message: Record<string, T>): void => {
      if (!(name in message)) return
      child.off('message', hear)
      resolve(message[name] as T)
    }
    child.on('message', hear)
  })
}

async function endOf(child: ChildProcess): Promise<string> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await once(child, 'close')
  return said
}

/** A bare TCP connection to a listener, from any loopback address. It reads and forgets what comes. */
export async function rawSocket(t: Test, target: Multiaddr, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: portOf(target), localAddress })
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  // The other side may have reset it before we are told that it was connected.
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()))
  return socket.resume()
}

/** Resolves when a socket is closed, in whatever way. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))
}

/** The TCP port in an address. */
export function portOf(address: Multiaddr): number {
  return Number(address.getComponents().find(({ name }) => name === 'tcp')?.value)
}
