/** How the running node is, and how others see it. */
import { messageOf } from '../../core/errors.ts'
import { isPrivate } from '../../net/networks.ts'
import { type Examined, type Finding, fail, ok, skip, warn } from './check.ts'

export function checkHealth({ node, settings }: Examined): Finding[] {
  if (node === undefined) {
    const where = settings.rest
      ? `${settings.restAddress}:${settings.restPort}`
      : 'anywhere, since REST is off (--rest)'
    return [skip(`no node answers at ${where}`)]
  }
  const { state, protocols, figures } = node.snapshot
  // Whom we could ask as a client matters to those who ask.
  const own = protocols.filter(({ name, state }) => state === 'NOT_READY' && !/client$/i.test(name))
  return [
    state === 'READY' ? ok(`ready, ${figures.peers ?? 0} peers`) : fail(`it says ${state}`, 'look into its log'),
    ...own.map(({ name, why }) => warn(`${name} is not ready: ${why ?? 'no reason given'}`, adviceFor(why))),
  ]
}

function adviceFor(why = ''): string {
  return /peers|relay is not ready/i.test(why)
    ? 'name peers (--staticnode), or let it find some; --peer asks one what it sees'
    : 'look into its log'
}

/** Asks the node that `--peer` names what it sees of us. It is the only one that is contacted. */
export async function checkPeer({ peer, node }: Examined): Promise<Finding[]> {
  if (peer === undefined) return []
  // libp2p takes half a second to load: only who needs it waits for it.
  const { connectPeer } = await import('../peer.ts')
  try {
    await using connected = await connectPeer(peer)
    const { agent, observed } = connected
    return [ok(`${printable(agent)} answers at ${peer.split('/p2p/')[0]}`), ...seenAs(observed, node)]
  } catch (error) {
    return [fail(messageOf(error), 'is the address right, and does it run?')]
  }
}

/** The address from which the peer saw us come, against those that the node announces. */
function seenAs(observed: string | undefined, node: Examined['node']): Finding[] {
  const [, ip] = /^\/ip[46]\/([^/]+)/.exec(observed ?? '') ?? []
  if (ip === undefined) return [skip('it does not say from where it sees us')]
  if (node === undefined) return [ok(`it sees us come from ${ip}`)]
  const { addresses } = node.snapshot
  if (addresses.some((address) => address.includes(`/${ip}/`))) return [ok(`it sees us as ${ip}, which is announced`)]
  if (isPrivate(ip) || addresses.some((address) => address.includes('/dns'))) return [ok(`it sees us come from ${ip}`)]
  return [
    warn(`it sees us as ${ip}, which the node does not announce`, `--nat=extip:${ip}, if the ports are open there`),
  ]
}

/** A peer chooses its agent: none of it may command the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 60)
}
