/** `waypost config`: what a node would run with, and from where each value comes. */
import type { Command } from 'commander'
import { showSettings } from '../../settings/describe.ts'
import { resolveSettings } from '../../settings/resolve.ts'
import { action, takingSettings } from '../action.ts'
import { columns, type OutputOptions, show } from '../output.ts'

interface ShowOptions extends OutputOptions {
  readonly origin?: boolean
  readonly changed?: boolean
}

export function addConfig(program: Command): void {
  const config = program.command('config').description('Settings, as `waypost run` with the same flags would have them')
  takingSettings(config.command('show'))
    .description('Every setting and its value. Takes all flags of waypost run.')
    .option('--origin', 'say where each value comes from: flag, variable, file and line, preset, default')
    .option('--changed', 'leave out what has its default')
    .option('--json', 'one line of JSON')
    .action(action(showConfig))
  takingSettings(config.command('check'))
    .description('Say whether a node can start with these settings. Takes all flags of waypost run.')
    .option('--json', 'one line of JSON')
    .action(action(checkConfig))
}

function resolved({ args }: Command): ReturnType<typeof resolveSettings> {
  return resolveSettings({ argv: args, env: process.env, cwd: process.cwd() })
}

async function showConfig(options: ShowOptions, command: Command): Promise<undefined> {
  const all = showSettings(resolved(command)).filter(({ origin }) => !options.changed || origin.from !== 'default')
  const value = all.map(({ name, value = null, from }) => ({ name, value, from }))
  await show(value, options, (rows) =>
    columns(rows.map(({ name, value, from }) => [name, value ?? 'not set', ...(options.origin ? [from] : [])])),
  )
}

/** Problems are thrown, all of them at once. */
async function checkConfig(options: OutputOptions, command: Command): Promise<undefined> {
  const { warnings } = resolved(command)
  await show({ valid: true, warnings }, options, () => [...warnings, 'the settings are valid'].join('\n'))
}
