/** The relays that a bench measures: the program itself, and a reference of stock parts. Each alone on the first core. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { daemon } from '../../kit/daemon.ts'
import type { Bench } from './bench.ts'
import { pin } from './process.ts'

/** The only topic of all benches: shard 0 of a cluster that nobody uses. */
export const topic = '/waku/2/rs/66/0'

/** Where the reference is asked to publish. */
export const askTopic = '/waku/2/rs/66/1'

const network = ['--cluster-id=66', '--shard=0']

export interface Subject {
  readonly name: string
  readonly pid: number
  readonly address: Multiaddr
  readonly peerId: string
  /** Ends the process; settles when it has ended. */
  stop(): Promise<void>
}

export interface WaypostOptions {
  readonly flags?: readonly string[]
  /** Where the process leaves a profile of its CPU time when it ends. */
  readonly profileFolder?: string
}

/** A daemon that only relays, unless `flags` say otherwise. */
export async function waypost(bench: Bench, { flags = [], profileFolder }: WaypostOptions = {}): Promise<Subject> {
  const only = ['--store=false', '--filter=false', '--lightpush=false', '--websocket-support=false']
  const options = profileFolder === undefined ? '' : `--cpu-prof --cpu-prof-dir=${profileFolder}`
  const env = { NODE_OPTIONS: options }
  const { process, tcp, stop } = await daemon(bench, { flags: [...network, ...only, ...flags], env })
  return subject('waypost', process.pid, tcp, stop)
}

/** js-libp2p and its gossipsub as they come. What is sent to `askTopic` it publishes itself, without the first byte. */
export async function stock(bench: Bench): Promise<Subject> {
  const child = fork(path.join(import.meta.dirname, 'reference.js'), [topic, askTopic], { execArgv: [] })
  bench.teardown(() => child.kill('SIGKILL'))
  const [[address]] = (await once(child, 'message')) as [[string]]
  return subject('stock', child.pid, address, async () => {
    const ended = once(child, 'exit')
    child.disconnect()
    await ended
  })
}

function subject(name: string, pid: number | undefined, address: string, stop: () => Promise<unknown>): Subject {
  if (pid === undefined) throw new Error(`${name} did not start`)
  pin(pid, 0)
  return {
    name,
    pid,
    address: multiaddr(address),
    peerId: address.slice(address.lastIndexOf('/') + 1),
    stop: async () => {
      await stop()
    },
  }
}
