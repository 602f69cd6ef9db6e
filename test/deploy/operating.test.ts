/** The operator's handbook names only what there is, and all that it must: alerts, exit codes, flags, commands, files. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import t from 'tap'
import { parse } from 'yaml'
import { exitTable } from '../../src/cli/exit-codes.ts'
import { createProgram } from '../../src/cli/program.ts'
import { settingNamed } from '../../src/settings/given.ts'
import { metricTable } from '../../src/telemetry/metrics.ts'

const root = path.resolve(import.meta.dirname, '../../..')

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8')
}

const page = read('docs/operating.md')

/** The part of the page under a heading of the second level. */
function section(title: string): string {
  const [, rest = ''] = page.split(`\n## ${title}\n`)
  return rest.split('\n## ')[0] ?? ''
}

/** What stands in backticks, and the lines of blocks of code. */
function codeOf(text: string): string[] {
  const blocks = Array.from(text.matchAll(/^```\w*\n(.*?)^```$/gms), ([, block = '']) =>
    block.replaceAll('\\\n', ' ').split('\n'),
  )
  const spans = text.replaceAll(/^```\w*\n.*?^```$/gms, '').matchAll(/`([^`]+)`/g)
  return [...blocks.flat(), ...Array.from(spans, ([, span = '']) => span.replaceAll('\n', ' '))]
}

const code = codeOf(page)

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[]
}

t.test('each alert has its heading, and each heading its alert', async (t) => {
  const { groups } = parse(read('deploy/prometheus/alerts.yml')) as Rules
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
  t.ok(alerts.length > 20)
  const headings = Array.from(section('Alerts').matchAll(/^### (\w+)$/gm), ([, name]) => name)
  t.same(headings, alerts, 'in their order')
})

t.test('each exit code of the program has its line', async (t) => {
  const told = Array.from(section('Exit codes').matchAll(/^\| (\d+) \|/gm), ([, number]) => Number(number))
  const codes = Object.values(exitTable).map(({ code }) => code)
  t.same(told, codes)
})

const program = createProgram()

/** Every command by its words: `keys export`. */
function commandsOf(parent: Command, before = ''): Map<string, Command> {
  const own = parent.commands.map((command): [string, Command] => [`${before}${command.name()}`, command])
  return new Map([...own, ...own.flatMap(([name, command]) => [...commandsOf(command, `${name} `)])])
}

const commands = commandsOf(program)

/** The commands of ours in the page: each as its words. `bin/waypost.js` and `waypost` are one. */
function usesOf(lines: readonly string[]): string[] {
  const uses = lines.flatMap((line) =>
    Array.from(line.matchAll(/(?:^|[\s/])waypost(?:\.js)? ((?:[a-z-]+ ?)+)/g), ([, words = '']) => words.trim()),
  )
  return uses.filter((words) => words !== '')
}

/** The longest beginning of `words` that is a command. */
function commandIn(words: string): string | undefined {
  const list = words.split(' ')
  return list
    .map((_, index) => list.slice(0, list.length - index).join(' '))
    .find((name) => commands.has(name) || name === 'help')
}

t.test('the commands that the page names are commands', async (t) => {
  const uses = usesOf(code.filter((line) => !/^(docker|git|systemctl|journalctl) /.test(line)))
  t.ok(uses.length > 10)
  for (const words of uses) t.ok(commandIn(words), `waypost ${words}`)
  t.equal(commandIn('levitate now'), undefined, 'one that is none is found')
})

/** Programs whose flags are not ours. */
const others = /^\s*(docker|kubectl|npm|ssh|cp|install|systemctl|journalctl|--read-only|--build-arg)\b/

t.test('the flags that the page names are settings, or options of a command', async (t) => {
  const options = new Set([...commands.values()].flatMap((command) => command.options.map(({ long }) => long)))
  const isFlag = (flag: string): boolean => settingNamed(flag.slice(2)) !== undefined || options.has(flag)
  const flags = code
    .filter((line) => !others.test(line))
    .flatMap((line) => Array.from(line.matchAll(/(?<![\w-])--[a-z][a-z0-9-]+/g), ([flag]) => flag))
  t.ok(flags.length > 30)
  t.same(
    [...new Set(flags)].filter((flag) => !isFlag(flag)),
    [],
  )
  t.notOk(isFlag('--levitate'))
})

t.test('the variables that the page names are settings', async (t) => {
  const variables = Array.from(page.matchAll(/\bWAYPOST_([A-Z0-9_]+)\b/g), ([, name = '']) =>
    name.toLowerCase().replaceAll('_', '-'),
  )
  t.ok(variables.length > 2)
  t.same(
    variables.filter((name) => settingNamed(name) === undefined),
    [],
  )
})

t.test('the files that the page names are there', async (t) => {
  const files = code.flatMap((line) =>
    Array.from(line.matchAll(/(?<![\w/.-])(?:bin|config|deploy|docs|src|test)\/[\w./-]*\w/g), ([file]) => file),
  )
  t.ok(files.length > 30)
  // These are made by scripts that the page tells of.
  const made = ['deploy/.env', 'deploy/secrets']
  t.same(
    [...new Set(files)].filter((file) => !made.includes(file) && !existsSync(path.join(root, file))),
    [],
  )
})

t.test('the metrics that the page names are counted', async (t) => {
  const names = code.filter((line) => /^(waku|waypost|libp2p)_\w+$/.test(line))
  t.ok(names.length > 0)
  for (const name of names) t.hasOwnProp(metricTable, name)
})

/** The anchor that a renderer makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')
}

t.test('links within the page lead to headings', async (t) => {
  const anchors = new Set(Array.from(page.matchAll(/^#+ (.*)$/gm), ([, heading = '']) => anchorOf(heading)))
  const links = Array.from(page.matchAll(/\]\(#([^)]+)\)/g), ([, anchor = '']) => anchor)
  t.ok(links.length > 20)
  t.same(
    links.filter((anchor) => !anchors.has(anchor)),
    [],
  )
})

t.test('each complaint from elsewhere has something that shows how it is here', async (t) => {
  const rows =
    section('What people complain about elsewhere, and how this node stands').match(/^\| (?!complaint|---).*$/gm) ?? []
  t.ok(rows.length > 20)
  for (const row of rows) t.match(row.split('|').at(-2), /`[\w./-]+`|\]\(/, row)
})
