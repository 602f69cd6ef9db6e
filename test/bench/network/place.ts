/**
 * Where the nodes of the network bench live: each in a network namespace of its own, in two halves of a network that a
 * router joins, so that the halves can be parted; without root on addresses of loopback, which cannot.
 */
import { execFileSync } from 'node:child_process'
import { findTool } from '../../kit/tools.ts'
import type { Bench } from '../kit/bench.ts'

export interface Site {
  readonly address: string
  /** The program and its arguments that put a process there. */
  readonly under: readonly string[]
  readonly half: 0 | 1
}

export interface Place {
  readonly sites: readonly Site[]
  /** Undefined: they cannot be parted here. */
  readonly part?: () => void
  readonly join?: () => void
}

/** So that two runs, and what other programs have made, keep apart. */
const prefix = `wp${process.pid % 10_000}`
const router = `${prefix}r`

export function makePlace(bench: Bench, count: number): Place {
  const halfOf = (index: number) => (index % 2) as 0 | 1
  if (process.getuid?.() !== 0 || findTool('ip') === undefined) {
    const site = (index: number): Site => ({ address: `127.0.${1 + index}.1`, under: [], half: halfOf(index) })
    return { sites: Array.from({ length: count }, (_, index) => site(index)) }
  }
  const names = Array.from({ length: count }, (_, index) => `${prefix}n${index}`)
  bench.teardown(() => clear([router, ...names]))
  makeRouter()
  const sites = names.map((name, index): Site => {
    const half = halfOf(index)
    const address = `10.77.${half}.${10 + index}`
    makeSite(name, index, half, address)
    return { address, under: ['ip', 'netns', 'exec', name], half }
  })
  return { sites, part: () => forward(false), join: () => forward(true) }
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** A bridge for each half, of which this process and the router have a port. */
function makeRouter(): void {
  ip('netns', 'add', router)
  for (const half of [0, 1]) {
    const [bridge, inside, outside] = [`${prefix}b${half}`, `${prefix}x${half}`, `${prefix}y${half}`]
    ip('link', 'add', bridge, 'type', 'bridge')
    ip('addr', 'add', `10.77.${half}.2/24`, 'dev', bridge)
    ip('link', 'set', bridge, 'up')
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', router)
    ip('link', 'set', outside, 'master', bridge, 'up')
    ip('-n', router, 'addr', 'add', `10.77.${half}.1/24`, 'dev', inside)
    ip('-n', router, 'link', 'set', inside, 'up')
  }
  forward(true)
}

function makeSite(name: string, index: number, half: number, address: string): void {
  ip('netns', 'add', name)
  const outside = `${prefix}v${index}`
  ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
  ip('link', 'set', outside, 'master', `${prefix}b${half}`, 'up')
  ip('-n', name, 'link', 'set', 'lo', 'up')
  ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
  ip('-n', name, 'link', 'set', 'eth0', 'up')
  ip('-n', name, 'route', 'add', 'default', 'via', `10.77.${half}.1`)
}

/** What goes from one half to the other is passed on, or vanishes. */
function forward(isOn: boolean): void {
  const value = `net.ipv4.ip_forward=${isOn ? 1 : 0}`
  execFileSync('ip', ['netns', 'exec', router, 'sysctl', '-qw', value], { stdio: 'inherit' })
}

function clear(names: readonly string[]): void {
  for (const name of names) tryTo('netns', 'delete', name)
  for (const half of [0, 1]) tryTo('link', 'delete', `${prefix}b${half}`)
}

function tryTo(...words: readonly string[]): void {
  try {
    ip(...words)
  } catch {
    // It was not made.
  }
}
