/**
 * Networks for a test: namespaces of this machine that are joined by cables of their own, and lead nowhere else.
 */
import { execFileSync } from 'node:child_process'
import type { Test } from 'tap'
import { needs } from './tools.ts'

export interface Cable {
  /** The ends: a namespace and the address that it has there, as `10.1.0.1/24`. */
  readonly ends: readonly [readonly [name: string, address: string], readonly [name: string, address: string]]
}

export interface Namespaces {
  /** What a program is started under to live in this namespace; it keeps its process id. */
  inside(name: string): readonly string[]
  /** Runs a program there to its end. */
  run(name: string, program: string, ...args: readonly string[]): string
}

let made = 0

/** Makes them; undefined where the test is skipped: without the tool, or without root. */
export function namespaces(t: Test, names: readonly string[], cables: readonly Cable[]): Namespaces | undefined {
  const ip = needs(t, 'ip')
  if (ip === undefined) return undefined
  if (process.getuid?.() !== 0) {
    t.plan(0, 'needs root')
    return undefined
  }
  const full = (name: string): string => `waypost-${process.pid}-${name}`
  const run = (...args: readonly string[]): void => void execFileSync(ip, args, { stdio: 'pipe' })
  t.teardown(() => {
    for (const name of names) run('netns', 'delete', full(name))
  })
  for (const name of names) run('netns', 'add', full(name))
  for (const name of names) run('-n', full(name), 'link', 'set', 'lo', 'up')
  for (const { ends } of cables) {
    const [one, other] = ends.map(([name]) => `w${process.pid % 100_000}-${name}${made++}`) as [string, string]
    const [from, to] = ends.map(([name]) => full(name)) as [string, string]
    run('link', 'add', one, 'netns', from, 'type', 'veth', 'peer', 'name', other, 'netns', to)
    for (const [device, [name, address]] of [
      [one, ends[0]],
      [other, ends[1]],
    ] as const) {
      run('-n', full(name), 'address', 'add', address, 'dev', device)
      run('-n', full(name), 'link', 'set', device, 'up')
    }
  }
  const inside = (name: string): readonly string[] => [ip, 'netns', 'exec', full(name)]
  return {
    inside,
    run(name, program, ...args) {
      const [first = '', ...rest] = inside(name)
      return execFileSync(first, [...rest, program, ...args], { stdio: 'pipe' }).toString()
    },
  }
}
