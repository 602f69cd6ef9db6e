/** Commands of the real program, run as a person runs them, for tests. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import { launcher } from './daemon.ts'
import { environment } from './environment.ts'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** What stands on standard input; nothing unless given. */
  readonly input?: string
  /** A program and its arguments that the command is run under. */
  readonly under?: readonly string[]
}

/** Runs `waypost ...args` to its end. */
export async function waypost(t: Test, args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const { cwd, env, input, under = [] } = options
  const [program = '', ...rest] = [...under, process.execPath, launcher, ...args]
  const child = spawn(program, rest, { cwd, env: environment(env), stdio: 'pipe' })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'close')])
  return { code: child.exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
}
