/** Which node on this machine a command is about: the one that `waypost run` would start with the same settings. */
import type { Command } from 'commander'
import { type Resolved, resolveSettings } from '../settings/resolve.ts'

export interface NodeOptions {
  readonly configFile?: string
  readonly dataDir?: string
  /** Further flags of `waypost run`, which a command sets for itself. */
  readonly flags?: readonly string[]
}

/** The options that name a node by its settings file or its data folder. */
export function withNodeOptions(command: Command): Command {
  return command
    .option('--config-file <file>', 'the settings file of the node')
    .option('--data-dir <folder>', 'the data folder of the node (./waypost-data unless the settings say otherwise)')
}

/** Its settings, from these options and the environment. Throws `settings/invalid`. */
export function nodeSettings({ configFile, dataDir, flags = [] }: NodeOptions): Resolved {
  const argv = [
    ...(configFile === undefined ? [] : [`--config-file=${configFile}`]),
    ...(dataDir === undefined ? [] : [`--data-dir=${dataDir}`]),
    ...flags,
  ]
  return resolveSettings({ argv, env: process.env, cwd: process.cwd() })
}
