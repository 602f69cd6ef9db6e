/** `waypost peers`, `waypost mesh` and `waypost log-level`: what the node's admin API tells and takes. */
import { Argument, type Command } from 'commander'
import { action } from '../action.ts'
import { columns, type OutputOptions, show } from '../output.ts'
import { adminHints as hints, type RestOptions, restClient, withRestOptions } from '../rest-client.ts'

type Options = RestOptions & OutputOptions

/** As nwaku's admin API has it. */
interface Peer {
  readonly multiaddr: string
  readonly protocols: readonly string[]
  readonly shards: readonly number[]
  readonly connected: string
  readonly agent: string
  readonly origin?: string
  readonly score?: number
}

interface ShardPeers {
  readonly shard: number
  readonly peers: readonly Peer[]
}

/** As the node tells them. */
interface Decision {
  readonly at: number
  readonly what: string
  readonly peer: string
  readonly source?: string
}

export function addPeers(program: Command): void {
  withRestOptions(program.command('peers'))
    .description('Peers of the running node (needs --rest-admin=true there)')
    .option('--all', 'also those that it knows and is not connected to')
    .option('--decisions', 'whom it dialled, gave up, forgot and parted with lately, in place of who is there')
    .option('--json', 'one line of JSON')
    .action(action(peers))
  withRestOptions(program.command('mesh'))
    .description('Gossip meshes of the running node, by shard (needs --rest-admin=true there)')
    .option('--json', 'one line of JSON')
    .action(action(mesh))
  withRestOptions(program.command('log-level'))
    .description('Set how much the running node logs, until it stops (needs --rest-admin=true there)')
    .addArgument(new Argument('<level>').choices(['trace', 'debug', 'info', 'notice', 'warn', 'error', 'fatal']))
    .option('--json', 'one line of JSON')
    .action(action(logLevel))
}

async function peers(options: Options & { readonly all?: boolean; readonly decisions?: boolean }): Promise<undefined> {
  if (options.decisions) return await decisions(options)
  const path = options.all ? '/admin/v1/peers' : '/admin/v1/peers/connected'
  const found = (await restClient(options).json(path, hints)) as readonly Peer[]
  await show(found, options, (all) =>
    all.length === 0 ? 'no peers' : columns([['peer', 'agent', 'shards', 'found by', 'address'], ...all.map(row)]),
  )
}

async function decisions(options: Options): Promise<undefined> {
  const found = (await restClient(options).json('/admin/v1/peers/decisions', hints)) as readonly Decision[]
  await show(found, options, (all) =>
    all.length === 0
      ? 'nothing was decided yet'
      : columns([['at', 'decision', 'peer', 'found by'], ...all.map(decided)]),
  )
}

function decided({ at, what, peer, source = '-' }: Decision): string[] {
  return [new Date(at).toISOString(), what, peer, source]
}

/** In the words of nwaku's API, but for what it does not know. */
function origin({ origin: told = 'UnknownOrigin' }: Peer): string {
  return told === 'UnknownOrigin' ? '-' : told
}

function row(peer: Peer): string[] {
  const { multiaddr, agent, shards, connected } = peer
  const [address = '', id = ''] = multiaddr.split('/p2p/')
  const where = connected === 'Connected' ? address : `${address} (${connected})`
  return [id, printable(agent), shards.join(',') || '-', origin(peer), where]
}

async function mesh(options: Options): Promise<undefined> {
  const found = (await restClient(options).json('/admin/v1/peers/mesh', hints)) as readonly ShardPeers[]
  await show(found, options, (shards) =>
    shards.length === 0
      ? 'no shards are followed'
      : columns([['shard', 'peer', 'score', 'agent'], ...shards.flatMap(meshRows)]),
  )
}

function meshRows({ shard, peers }: ShardPeers): string[][] {
  if (peers.length === 0) return [[String(shard), 'nobody']]
  return peers.map(({ multiaddr, score, agent }) => {
    const id = multiaddr.split('/p2p/')[1] ?? multiaddr
    return [String(shard), id, score === undefined ? '-' : score.toFixed(1), printable(agent)]
  })
}

/** A peer chooses its agent: none of it may command the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 40) || '-'
}

async function logLevel(level: string, options: Options): Promise<undefined> {
  await restClient(options).post(`/admin/v1/log-level/${level.toUpperCase()}`, undefined, hints)
  await show({ level }, options, () => `the node logs at ${level} from now on`)
}
