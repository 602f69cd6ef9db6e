/** Two daemons that relay to each other: a lone one refuses light push (docs/decisions/0010). */
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import type { Test } from 'tap'
import { push } from '../../src/protocols/lightpush/client.ts'
import { type Daemon, type DaemonOptions, daemon } from './daemon.ts'
import { host } from './host.ts'
import { messageBytes } from './messages.ts'
import { networkFlags } from './sdk.ts'

/** Milliseconds between two probes: two a heartbeat would do, a rate limit allows ten a second. */
const probePause = 100

/** A daemon of the test network. */
export function networkDaemon(t: Test, { flags = [], ...options }: DaemonOptions = {}): Promise<Daemon> {
  return daemon(t, { ...options, flags: [...networkFlags, ...flags] })
}

export interface TwinOptions extends DaemonOptions {
  /** A topic that both follow; needed where the content topic alone does not name it. */
  readonly pubsubTopic?: string
}

/** Starts a daemon, then one that stays connected to it, and waits until each relays to the other. */
export async function twins(t: Test, options: TwinOptions = {}): Promise<[Daemon, Daemon]> {
  const one = await networkDaemon(t, options)
  const other = await neighbour(t, one, options)
  return [one, other]
}

/** Starts a daemon that stays connected to `to`, and waits until it can relay. */
export async function neighbour(t: Test, to: Daemon, { flags = [], ...options }: TwinOptions = {}): Promise<Daemon> {
  const node = await networkDaemon(t, { ...options, flags: [...flags, `--staticnode=${to.tcp}`] })
  await relaying(t, to, options.pubsubTopic)
  await relaying(t, node, options.pubsubTopic)
  return node
}

/** Settles when `node` has somebody to relay to: a push that nobody keeps tells. */
export async function relaying(t: Test, node: Daemon, pubsubTopic?: string): Promise<void> {
  const { libp2p } = await host(t)
  while ((await push(libp2p, multiaddr(node.tcp), probe(), pubsubTopic)).outcome !== 'relayed')
    await setTimeout(probePause)
}

function probe(): Uint8Array {
  return messageBytes({ contentTopic: '/waypost/1/probe/proto', ephemeral: true })
}
