/** One run of a bench: where its files go, what it must undo at the end, and how it was asked for. */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import path from 'node:path'
import type { Owner } from '../../kit/owner.ts'

/** Owns what the kit of the tests makes for a bench. */
export class Bench implements Owner, AsyncDisposable {
  readonly testdirName = mkdtempSync(path.join(tmpdir(), 'waypost-bench-'))
  readonly #stack = new AsyncDisposableStack()

  constructor() {
    this.#stack.defer(() => rmSync(this.testdirName, { recursive: true, force: true }))
  }

  teardown(undo: () => unknown): void {
    this.#stack.defer(async () => {
      await undo()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]()
  }
}

/** True when the bench was started with `--<name>`. */
export function asked(name: string): boolean {
  return process.argv.includes(`--${name}`)
}

/** The value of `--<name>=`; the last counts. */
export function given(name: string): string | undefined {
  return process.argv.findLast((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3)
}

/** The machine, the runtime and the day, as a line. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? process.arch
  const day = new Date().toISOString().slice(0, 10)
  return `${availableParallelism()} x ${model}, Node ${process.versions.node}, ${day}`
}
