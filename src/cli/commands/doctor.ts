/** `waypost doctor`: looks at everything that keeps a node from doing its work, before the first start or while it runs. */
import type { Command } from 'commander'
import { isWaypostError, messageOf } from '../../core/errors.ts'
import { peerAddress } from '../../settings/kinds/network.ts'
import { resolveSettings } from '../../settings/resolve.ts'
import type { Settings } from '../../settings/table.ts'
import { action, argumentOf, takingSettings } from '../action.ts'
import { withNotes } from '../command-tree.ts'
import type { Check, Examined, Finding, Level } from '../doctor/check.ts'
import { exits } from '../exit-codes.ts'
import { columns, type OutputOptions, show } from '../output.ts'

interface Options extends OutputOptions {
  readonly peer?: string
  readonly restUrl?: string
  readonly lookUp?: boolean
}

/** A finding under the name of its check. */
interface Found extends Finding {
  readonly check: string
}

export function addDoctor(program: Command): void {
  const command = takingSettings(program.command('doctor'))
    .description(
      'Look at everything that keeps a node from doing its work, and say what to do. Takes all flags of waypost run.',
    )
    .option(
      '--peer <multiaddr>',
      'also ask this node what it sees of us; nobody else is contacted, but a database that is set',
      argumentOf(peerAddress),
    )
    .option(
      '--look-up',
      'also look up the names that the node announces and the trees by which it finds others, which asks name servers',
    )
    .option('--rest-url <url>', 'the REST API of the running node, where the settings do not tell')
    .option('--json', 'one line of JSON')
    .action(action(doctor))
  withNotes(command, notes)
}

const notes = `Nothing is changed; an archive that no node has open is opened and closed, and a PostgreSQL is asked what it is.

Exit code: 0 nothing is wrong (there may be warnings), 1 something is.`

async function doctor(options: Options, { args }: Command): Promise<number> {
  const found = await examine(args, options)
  const value = {
    ok: !found.some(({ level }) => level === 'fail'),
    findings: found.map(({ check, level, says, advice }) => ({ check, level, says, advice })),
  }
  await show(value, options, () => render(found))
  return value.ok ? exits.ok : exits.failed
}

async function examine(argv: readonly string[], options: Options): Promise<readonly Found[]> {
  const resolved = readSettings(argv)
  if (!('settings' in resolved)) return named('settings', resolved.findings)
  // What they look at is heavy to load, and not needed for wrong settings.
  const [{ checks }, { findRunningNode }] = await Promise.all([
    import('../doctor/checks.ts'),
    import('../doctor/running-node.ts'),
  ])
  const { settings } = resolved
  const node = await findRunningNode(settings, options.restUrl)
  const examined = { settings, node, peer: options.peer, lookUp: options.lookUp === true }
  const found: Found[] = [...named('settings', resolved.findings)]
  // One after the other: a check that opens something must not be in the way of another.
  for (const check of checks) found.push(...named(check.name, await runCheck(check, examined)))
  return found
}

type ReadSettings = { readonly findings: readonly Finding[] } & ({ readonly settings: Settings } | object)

/** The settings, with their warnings; or what is wrong with them, without settings. */
function readSettings(argv: readonly string[]): ReadSettings {
  try {
    const { settings, warnings } = resolveSettings({ argv, env: process.env, cwd: process.cwd() })
    const advice = 'docs/settings.md has each setting'
    const findings: Finding[] = warnings.map((says) => ({ level: 'warn', says, advice }))
    return { settings, findings: findings.length > 0 ? findings : [{ level: 'ok', says: 'valid' }] }
  } catch (error) {
    if (!isWaypostError(error, 'settings/invalid')) throw error
    const problems = String(error.data.problems).split('\n').filter(Boolean)
    const advice = 'docs/settings.md has each setting; waypost config show --origin says where each comes from'
    return { findings: problems.map((says) => ({ level: 'fail', says: says.trim(), advice })) }
  }
}

/** A check that stumbles is a failure, not the end of the others. */
async function runCheck({ run }: Check, examined: Examined): Promise<readonly Finding[]> {
  try {
    return await run(examined)
  } catch (error) {
    return [{ level: 'fail', says: messageOf(error), advice: 'this check could not be done' }]
  }
}

function named(check: string, findings: readonly Finding[]): readonly Found[] {
  return findings.map((finding) => ({ check, ...finding }))
}

const marks: Readonly<Record<Level, string>> = { ok: 'ok', warn: 'warn', fail: 'FAIL', skip: '-' }

function render(found: readonly Found[]): string {
  const rows = found.flatMap(({ check, level, says, advice }) => [
    [marks[level], check, says],
    ...(advice === undefined ? [] : [['', '', `-> ${advice}`]]),
  ])
  const count = (level: Level): number => found.filter((one) => one.level === level).length
  return `${columns(rows)}\n\n${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} wrong`
}
