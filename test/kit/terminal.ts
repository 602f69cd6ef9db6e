/** A terminal of 80 columns and 24 lines, as a person sits before it: tmux holds it. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { environment } from './environment.ts'

const run = promisify(execFile)

export interface TerminalOptions {
  readonly columns?: number
  readonly lines?: number
  readonly cwd?: string
}

export interface Terminal {
  /** Types text as it is. */
  type(text: string): Promise<void>
  /** Presses a key: `Tab`, `Enter`, `C-c`. */
  press(key: string): Promise<void>
  /** What is on the screen now. */
  screen(): Promise<string>
  /** The screen, once it is as wanted. */
  until(matches: (screen: string) => boolean): Promise<string>
  resize(columns: number, lines: number): Promise<void>
  /** Closes the terminal, whoever still uses it. */
  close(): Promise<void>
}

/** Opens one in which `command` (of the shell) runs. It stays open when the command has ended. */
export async function terminal(
  t: Test,
  tmux: string,
  command: string,
  options: TerminalOptions = {},
): Promise<Terminal> {
  const { columns = 80, lines = 24, cwd } = options
  const folder = await mkdtemp(path.join(tmpdir(), 'waypost-tmux-'))
  const asked = async (args: readonly string[], cwd?: string): Promise<string> =>
    (await run(tmux, ['-S', path.join(folder, 'socket'), '-f', '/dev/null', ...args], { cwd, env: environment() }))
      .stdout
  const ask = (...args: string[]): Promise<string> => asked(args)
  const close = async (): Promise<void> => {
    await ask('kill-server').catch(() => '')
  }
  t.teardown(async () => {
    await close()
    await rm(folder, { recursive: true, force: true })
  })
  // Only the shell is to be there: the folder may be gone before the terminal is.
  const size = ['-x', String(columns), '-y', String(lines)]
  await asked(['new-session', '-d', ...size, command, ';', 'set', 'remain-on-exit', 'on'], cwd)
  const screen = (): Promise<string> => ask('capture-pane', '-p')
  return {
    type: async (text) => void (await ask('send-keys', '-l', text)),
    press: async (key) => void (await ask('send-keys', key)),
    screen,
    async until(matches) {
      for (;;) {
        const shown = await screen()
        if (matches(shown)) return shown
        await pause(50)
      }
    },
    resize: async (columns, lines) => void (await ask('resize-window', '-x', String(columns), '-y', String(lines))),
    close,
  }
}
