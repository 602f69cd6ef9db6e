/**
 * `waypost canary`: asks a Waku node, any one, whether it does what it is there for. Each protocol is really asked, in a
 * way that leaves no trace: a store query for one message, a filter ping, a light push of nothing, which is refused.
 */
import type { Command } from 'commander'
import { isWaypostError, messageOf } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { multiaddr } from '../../settings/kinds/network.ts'
import { integer } from '../../settings/kinds/plain.ts'
import { action, argumentOf, durationOption } from '../action.ts'
import { withNotes } from '../command-tree.ts'
import { exits } from '../exit-codes.ts'
import { columns, type OutputOptions, show } from '../output.ts'
import type { ConnectedPeer } from '../peer.ts'
import type { Probe } from '../probes.ts'

/** What can be checked, with what a failure adds to the exit code. nwaku's canary has no such codes. */
export const canaryExitBits = { relay: 2, store: 4, filter: 8, lightpush: 16, metadata: 32 } as const

export type Checked = keyof typeof canaryExitBits
const names = Object.keys(canaryExitBits) as Checked[]

type Options = OutputOptions &
  Partial<Record<Checked, boolean>> & { readonly clusterId?: number; readonly timeout: Milliseconds }

/** How a protocol of the peer is. */
interface Finding {
  readonly protocol: Checked
  readonly ok: boolean
  /** What it answered, or why it did not. */
  readonly says: string
}

export function addCanary(program: Command): void {
  const command = program
    .command('canary')
    .description('Check a Waku node, any one: is it there, and does each protocol answer?')
    .argument('<multiaddr>', 'where it is: /dns4/example.org/tcp/60000/p2p/16Uiu2...', argumentOf(multiaddr))
  for (const name of names) command.option(`--${name}`, `${name} must answer`)
  command
    .option('--cluster-id <n>', 'the cluster that it must be of (otherwise any)', argumentOf(integer(0, 0xffff)))
    .addOption(durationOption('--timeout <duration>', 'how long it may take to connect, and to answer', '10s'))
    .option('--json', 'one line of JSON')
    .action(action(canary))
  withNotes(command, notes)
}

const notes = `Without --relay, --store and so on, whatever the node announces must answer.

Exit code: 0 all answer, 1 no connection, else the sum of ${names.map((name) => `${canaryExitBits[name]} ${name}`).join(', ')}.`

async function canary(address: string, options: Options): Promise<number> {
  // libp2p takes half a second to load: only who needs it waits for it.
  const { connectPeer } = await import('../peer.ts')
  const connected = await connectPeer(address, { cluster: options.clusterId, timeout: options.timeout }).catch(
    (error: unknown) => {
      if (isWaypostError(error, 'cli/peer-unreachable')) return error
      throw error
    },
  )
  if (connected instanceof Error) return await unreachable(address, connected.message, options)
  await using peer = connected
  return await report(peer, await examine(peer, options), options)
}

async function unreachable(address: string, why: string, options: Options): Promise<number> {
  await show({ address, reachable: false, why }, options, () => why)
  return exits.failed
}

/** Asks the protocols in question; metadata first, since it may change what cluster we say we are of. */
async function examine(peer: ConnectedPeer, options: Options): Promise<readonly Finding[]> {
  const { probes } = await import('../probes.ts')
  const served = ({ protocols }: Probe): boolean => protocols.some((protocol) => peer.protocols.includes(protocol))
  const inOrder: readonly Checked[] = ['metadata', ...names.filter((name) => name !== 'metadata')]
  const wanted = inOrder.filter((name) => options[name])
  const asked = wanted.length > 0 ? wanted : inOrder.filter((name) => served(probes[name]))
  const findings: Finding[] = []
  for (const protocol of asked) {
    const probe = probes[protocol]
    findings.push(
      served(probe) ? await ask(protocol, probe, peer, options) : { protocol, ok: false, says: 'not served' },
    )
  }
  return findings
}

async function ask(protocol: Checked, probe: Probe, peer: ConnectedPeer, options: Options): Promise<Finding> {
  try {
    return { protocol, ok: true, says: await probe.ask(peer, options) }
  } catch (error) {
    return { protocol, ok: false, says: messageOf(error) }
  }
}

async function report(peer: ConnectedPeer, findings: readonly Finding[], options: Options): Promise<number> {
  const { id, agent, observed } = peer
  const value = {
    reachable: true,
    peerId: id.toString(),
    agent,
    observed,
    protocols: peer.protocols,
    checks: findings.map(({ protocol, ok, says }) => ({ protocol, ok, says })),
  }
  await show(value, options, () =>
    columns([
      ['peer id', value.peerId],
      ['agent', agent],
      ...findings.map(({ protocol, ok, says }) => [protocol, `${ok ? 'ok' : 'FAILED'}: ${says}`]),
    ]),
  )
  return findings.reduce<number>((sum, { protocol, ok }) => sum + (ok ? 0 : canaryExitBits[protocol]), exits.ok)
}
