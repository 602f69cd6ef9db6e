/** The relays that a bench measures: the program itself, and a reference of stock parts. Each alone on the first core. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Daemon, daemon } from '../../kit/daemon.ts'
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
  /** Longest hold of its event loop since this was asked last, in ms. Absent: nobody watches it. */
  held?(): Promise<number>
}

export interface WaypostOptions {
  /** In tables; `waypost` unless given. */
  readonly name?: string
  readonly flags?: readonly string[]
  /** Where the process leaves a profile of its CPU time when it ends. */
  readonly profileFolder?: string
  /** Where its data is; an empty folder unless given. */
  readonly dataDir?: string
  readonly watchesLoop?: boolean
}

/** A daemon that only relays, unless `flags` say otherwise. */
export async function waypost(bench: Bench, options: WaypostOptions = {}): Promise<Subject> {
  const { name = 'waypost', flags = [], dataDir } = options
  const only = ['--store=false', '--filter=false', '--lightpush=false', '--websocket-support=false']
  const env = { NODE_OPTIONS: nodeOptions(options).join(' ') }
  const started = await daemon(bench, { flags: [...network, ...only, ...flags], env, dataDir })
  const { process: child, tcp, stop, line } = started
  const held = options.watchesLoop ? watch(child, line) : undefined
  return { ...subject(name, child.pid, tcp, stop), held }
}

/** The daemon on the stock pieces of the stack: what validation, metrics and guards cost beside bare stock parts. */
export function waypostOnStock(bench: Bench, { flags = [], ...options }: WaypostOptions = {}): Promise<Subject> {
  return waypost(bench, { ...options, name: 'waypost --stack=stock', flags: ['--stack=stock', ...flags] })
}

/** Asks the preloaded monitor. */
function watch(child: ChildProcess, line: Daemon['line']): () => Promise<number> {
  let asked = 0
  return async () => {
    asked += 1
    const count = asked
    child.kill('SIGUSR2')
    const { held } = await line((found) => found.msg === 'loop held' && found.asked === count)
    return Number(held)
  }
}

function nodeOptions({ profileFolder, watchesLoop }: WaypostOptions): string[] {
  const preload = pathToFileURL(path.join(import.meta.dirname, 'loop-preload.js'))
  return [
    ...(profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]),
    ...(watchesLoop ? [`--import=${preload}`] : []),
  ]
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
