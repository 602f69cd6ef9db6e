/** What the shells offer, asked of the real ones. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { commandTree } from '../../src/cli/command-tree.ts'
import { createProgram } from '../../src/cli/program.ts'
import { waypost } from '../kit/cli.ts'
import { terminal } from '../kit/terminal.ts'
import { needs } from '../kit/tools.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

/** A folder with the script for `shell`, and files of other names. */
async function scriptOf(t: Test, shell: Shell): Promise<{ folder: string; script: string }> {
  const { code, stdout } = await waypost(t, ['completion', shell])
  t.equal(code, 0)
  const folder = t.testdir({ 'node.toml': '', 'other.key': '' })
  const script = path.join(folder, 'script')
  writeFileSync(script, stdout)
  return { folder, script }
}

/** What is offered for the last of `words`, sorted. */
type Offers = (...words: readonly string[]) => readonly string[]

const askBash = `source "$0"; COMP_WORDS=(waypost "$@") COMP_CWORD=$#; _waypost 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`
const askFish = 'source $argv[1]; complete -C "waypost $argv[2]"'

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

const asking: Readonly<Record<'bash' | 'fish', (shell: string, folder: string, script: string) => Offers>> = {
  bash:
    (shell, folder, script) =>
    (...words) =>
      lines(
        execFileSync(shell, ['--norc', '-c', askBash, script, ...words], { cwd: folder, encoding: 'utf8' }),
      ).toSorted(),
  fish:
    (shell, folder, script) =>
    (...words) =>
      lines(execFileSync(shell, ['-N', '-c', askFish, script, words.join(' ')], { cwd: folder, encoding: 'utf8' }))
        .map((line) => line.split('\t')[0] ?? '')
        .toSorted(),
}

for (const shell of ['bash', 'fish'] as const) {
  t.test(`${shell} offers commands, options, words and files where they belong`, async (t) => {
    const program = needs(t, shell)
    if (program === undefined) return
    const { folder, script } = await scriptOf(t, shell)
    const offers = asking[shell](program, folder, script)
    t.same(offers('keys', ''), ['export', 'import', 'rotate', 'show'])
    t.same(offers('log-level', 'w'), ['warn'])
    t.same(offers('completion', ''), ['bash', 'fish', 'zsh'])
    t.same(offers('status', '--rest'), ['--rest-token-file', '--rest-url'])
    t.same(offers('run', '--lightpushn'), ['--lightpushnode'])
    t.same(offers('--lightpushn'), ['--lightpushnode'], 'without a command the node is run')
    t.same(offers('run', '--log-format', ''), ['json', 'text'])
    t.same(offers('run', '--config-file', 'n'), ['node.toml'])
    t.same(offers('keys', 'import', 'o'), ['other.key'])
    t.same(offers('run', '--tcp-port', ''), [], 'a port is nobody’s guess')
  })
}

t.test('bash takes apart --option=value', async (t) => {
  const program = needs(t, 'bash')
  if (program === undefined) return
  const { folder, script } = await scriptOf(t, 'bash')
  const offers = asking.bash(program, folder, script)
  t.same(offers('run', '--log-format', '=', 'j'), ['json'])
  t.same(offers('run', '--log-format', '='), ['json', 'text'])
  t.same(offers('run', '--relay', '=', 'f'), ['false'])
})

const starts: Readonly<Record<'bash' | 'zsh', string>> = { bash: 'bash --norc -i', zsh: 'zsh -f -i' }

for (const shell of ['bash', 'zsh'] as const) {
  t.test(`a Tab in ${shell} completes`, async (t) => {
    const [program, tmux] = [needs(t, shell), needs(t, 'tmux')]
    if (program === undefined || tmux === undefined) return
    const { folder, script } = await scriptOf(t, shell)
    const sitting = await terminal(t, tmux, starts[shell], { cwd: folder })
    await sitting.type(`source ${script} && clear && echo ready`)
    await sitting.press('Enter')
    await sitting.until((screen) => /^ready$/m.test(screen))
    for (const [typed, completed] of [
      ['waypost comp', /waypost completion $|waypost completion\s*$/m],
      ['waypost log-level fa', /waypost log-level fatal/m],
      ['waypost run --log-format=j', /--log-format=json/m],
      ['waypost run --config-file=n', /--config-file=node\.toml/m],
      ['waypost keys imp', /waypost keys import/m],
    ] as const) {
      await sitting.type(typed)
      await sitting.press('Tab')
      t.match(await sitting.until((screen) => completed.test(screen)), completed)
      await sitting.press('C-u')
    }
  })
}

t.test('every command can be completed to in every shell', async (t) => {
  const paths = commandTree(createProgram()).map(({ path }) => path)
  t.ok(paths.includes('keys show'))
  for (const shell of shells) {
    const { stdout } = await waypost(t, ['completion', shell])
    for (const path of paths) t.match(stdout, `'${path}'`, `${shell}: ${path}`)
  }
})

t.test('a shell that is not known is named with those that are', async (t) => {
  t.match(await waypost(t, ['completion', 'tcsh']), { code: 64, stderr: /bash, zsh, fish/ })
})
