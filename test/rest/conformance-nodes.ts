/** The nodes that the conformance table asks. */
import path from 'node:path'
import type { Test } from 'tap'
import type { WaypostNode } from '../../src/node/node.ts'
import { startedNode } from '../kit/rest.ts'

/** Nobody listens there. */
export const unreachable = '/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAm4v86W3bmT1BiH6oSPzcsSr24iDQpSN5Qa992BCjjwgrD'

const services = ['--relay', '--store', '--legacy-store', '--filter', '--lightpush']

/** A node that does nothing itself, and asks `address` for it. */
const asks = (address: string) => [
  '--relay=false',
  `--storenode=${address}`,
  `--filternode=${address}`,
  `--lightpushnode=${address}`,
]

export type NodeName = 'modern' | 'full' | 'edge' | 'strict' | 'throttled' | 'alone' | 'lost'
export type Nodes = Readonly<Record<NodeName, WaypostNode>>

/**
 * `full` has everything and relays with `modern`, which serves history by version 3 only; `edge` asks `full`. `strict`
 * answers each service once an hour, and `throttled` asks it. `alone` knows nobody, `lost` somebody who is not there.
 */
export async function conformanceNodes(t: Test): Promise<Nodes> {
  const folder = t.testdir()
  const start = (name: string, flags: readonly string[]): Promise<WaypostNode> =>
    startedNode(t, path.join(folder, name), ['--num-shards-in-network=8', ...flags])
  const modern = await start('modern', ['--relay', '--store'])
  const full = await start('full', [
    ...services,
    '--rest-admin',
    '--shard=0',
    '--shard=3',
    `--staticnode=${modern.addresses[0]}`,
  ])
  const strict = await start('strict', [...services, '--rate-limit=1/1h'])
  return {
    modern,
    full,
    edge: await start('edge', asks(full.addresses[0] ?? '')),
    strict,
    throttled: await start('throttled', asks(strict.addresses[0] ?? '')),
    alone: await start('alone', ['--relay=false', '--rest-admin']),
    lost: await start('lost', asks(unreachable)),
  }
}

/** What `{{name}}` stands for in a row. */
export function factsOf({ full, modern }: Nodes): Readonly<Record<string, string>> {
  return {
    service: full.addresses[0] ?? '',
    modern: modern.addresses[0] ?? '',
    modernId: modern.peerId,
    unreachable,
  }
}
