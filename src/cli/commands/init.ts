/** `waypost init`: a data folder with a settings file and a key. Asks nothing, overwrites nothing, contacts nobody. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { WaypostError } from '../../core/errors.ts'
import { openDataFolder } from '../../node/data-folder.ts'
import { readFlags } from '../../settings/argv.ts'
import type { Findings, Given } from '../../settings/given.ts'
import { presetLayer } from '../../settings/presets.ts'
import { resolveSettings } from '../../settings/resolve.ts'
import { type SettingName, settingTable } from '../../settings/table.ts'
import { action, takingSettings } from '../action.ts'
import { type Chosen, renderConfigFile, servingNode } from '../config-file.ts'
import { writeNewFile } from '../new-file.ts'
import { columns, type OutputOptions, show } from '../output.ts'

interface Options extends OutputOptions {
  readonly to?: string
}

export function addInit(program: Command): void {
  takingSettings(program.command('init'))
    .description('Make a data folder with a settings file and a key. Flags of waypost run are written into the file.')
    .option('--to <file>', 'the settings file to write (waypost.toml in the data folder unless given)')
    .option('--json', 'one line of JSON')
    .action(action(init))
}

async function init(options: Options, { args }: Command): Promise<undefined> {
  const chosen = chosenBy(args)
  const { dataDir } = resolveSettings({ argv: flagsOf(chosen), cwd: process.cwd() }).settings
  const configFile = path.resolve(options.to ?? path.join(dataDir, 'waypost.toml'))
  const exists = { what: 'run the node with it, or name another with --to' }
  if (existsSync(configFile)) throw new WaypostError('cli/exists', { path: configFile, ...exists })
  const { keyFile } = await openDataFolder(dataDir)
  const keyWasThere = existsSync(keyFile)
  const { nodeKey } = await import('../../net/identity.ts')
  const { peerIdFromPrivateKey } = await import('@libp2p/peer-id')
  const peerId = peerIdFromPrivateKey(await nodeKey(keyFile)).toString()
  await writeNewFile(configFile, renderConfigFile(chosen), exists)
  await show({ configFile, keyFile, keyWasThere, peerId }, options, told)
}

function told(made: { configFile: string; keyFile: string; keyWasThere: boolean; peerId: string }): string {
  const { configFile, keyFile, keyWasThere, peerId } = made
  return columns([
    ['settings', configFile],
    ['key', `${keyFile}${keyWasThere ? ' (was there, kept)' : ' (new: waypost backup create keeps a copy)'}`],
    ['peer id', peerId],
    ['check', `waypost doctor --config-file=${configFile}`],
    ['run', `waypost run --config-file=${configFile}`],
  ])
}

/** What the file is to say: the flags given, a serving node where they and their preset say nothing, the data folder. */
function chosenBy(argv: readonly string[]): Chosen {
  const findings: Findings = { problems: [], warnings: [] }
  const given = readFlags(argv, findings)
  if (findings.problems.length > 0)
    throw new WaypostError('settings/invalid', { problems: findings.problems.map((line) => `\n  ${line}`).join('') })
  for (const one of given) checkFits(one)
  const fromPreset = new Set(presetLayer([given]).map(({ name }) => name))
  // The keys of the table are names of settings.
  const serving = Object.entries(servingNode).filter(([name]) => !fromPreset.has(name as SettingName))
  const chosen = new Map(serving as [SettingName, string | readonly string[]][])
  for (const { name } of given) chosen.set(name, textsOf(name, given))
  const dataDir = chosen.get('data-dir') ?? settingTable['data-dir'].default ?? ''
  return chosen.set('data-dir', path.resolve(String(dataDir)))
}

function checkFits({ name }: Given): void {
  const instead = name === 'config-file' ? 'where to write is said with --to' : undefined
  const secret = settingTable[name].kind.secret === undefined ? undefined : 'a secret does not belong into this file'
  const why = instead ?? secret
  if (why !== undefined) throw new WaypostError('cli/bad-usage', { why: `--${name} is not taken by init: ${why}` })
}

/** The text of a setting; all texts of a list that is repeated. */
function textsOf(name: SettingName, given: readonly Given[]): string | readonly string[] {
  const texts = given.filter((one) => one.name === name).map(({ text }) => text)
  return settingTable[name].kind.join === undefined || texts.length === 1 ? (texts.at(-1) ?? '') : texts
}

function flagsOf(chosen: Chosen): string[] {
  return [...chosen].flatMap(([name, value]) => [value].flat().map((text) => `--${name}=${text}`))
}
