/** People at shells, for tests of the commands for messages, and a node between them. */
import path from 'node:path'
import type { Test } from 'tap'
import { type Ended, waypost } from '../../kit/cli.ts'
import { type Daemon, type DaemonOptions, daemon } from '../../kit/daemon.ts'

export const password = 'correct horse battery'

/** A node of the network of Status. */
export function statusNode(t: Test, { flags: more = [], ...options }: DaemonOptions = {}): Promise<Daemon> {
  const flags = ['--cluster-id=16', '--num-shards-in-network=0', '--shard=32', '--shard=64', '--max-msg-size=1MiB']
  return daemon(t, { ...options, flags: [...flags, ...more] })
}

export interface Shown {
  readonly [field: string]: unknown
  readonly id: string
  readonly text: string
}

/** A person at a shell. */
export class Person {
  readonly #t: Test
  readonly folder: string
  readonly #env: Record<string, string>

  constructor(t: Test, name: string, nodes = '') {
    this.#t = t
    this.folder = path.join(t.testdirName, name)
    this.#env = { WAYPOST_MESSAGE_PASSWORD: password, WAYPOST_MESSAGE_NODES: nodes }
  }

  run(args: readonly string[], input?: string): Promise<Ended> {
    return waypost(this.#t, ['message', ...args, '--folder', this.folder], { env: this.#env, input })
  }

  /** Runs a command that is to succeed; gives the lines of JSON that it printed. */
  async told(...args: readonly string[]): Promise<Shown[]> {
    const { code, stdout, stderr } = await this.run([...args, '--json'])
    if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stderr}`)
    return linesOf(stdout)
  }
}

export function linesOf(stdout: string): Shown[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Shown)
}

/** Both are contacts. Gives the ids. */
export async function acquainted(alice: Person, bob: Person): Promise<{ a: string; b: string }> {
  const { a, b } = await made(alice, bob)
  await alice.told('contact', 'add', b, 'it is alice')
  await bob.told('receive')
  await bob.told('contact', 'accept', a.slice(0, 20))
  return { a, b }
}

/** Both have identities. Gives the ids. */
export async function made(alice: Person, bob: Person): Promise<{ a: string; b: string }> {
  const [[one], [other]] = await Promise.all([
    alice.told('identity', 'create', '--name', 'alice'),
    bob.told('identity', 'create', '--name', 'bobby'),
  ])
  return { a: one?.id ?? '', b: other?.id ?? '' }
}
