/** What is to be said of a node in plain words: whether all is well, and if not, what to do about it. */
import type { Overview, RunningOverview } from '../overview.ts'
import { bytes, counted, delay, duration, moment } from './format.ts'

export type Level = 'good' | 'notice' | 'bad' | 'starting'

export interface Finding {
  readonly level: 'notice' | 'bad'
  readonly what: string
  /** What a person can do. */
  readonly todo: string
  /** Something to copy: an address, a flag. */
  readonly copy?: string
}

export interface Verdict {
  readonly level: Level
  readonly title: string
  readonly text: string
  readonly findings: readonly Finding[]
}

const hour = 3_600_000
const day = 24 * hour
const GiB = 1024 ** 3

/** The live window of a store: what is further from its clock is not kept. */
const storeWindow = 20_000

/** What is said of the node as a whole. */
export function verdict(overview: Overview): Verdict {
  const { running, health } = overview
  if (health.node === 'SHUTTING_DOWN')
    return plain('starting', 'Stopping', 'The node finishes what it has begun, and ends.')
  if (running === undefined)
    return plain('starting', 'Starting', 'The node opens its archive and its listeners. This page follows by itself.')
  const findings = findingsOf(overview, running)
  const level = findings.some((one) => one.level === 'bad') ? 'bad' : findings.length > 0 ? 'notice' : 'good'
  return { level, title: titles[level](findings.length), text: summary(overview, running), findings }
}

const titles: Readonly<Record<'good' | 'notice' | 'bad', (count: number) => string>> = {
  good: () => 'All is well',
  notice: (count) => (count === 1 ? 'One thing to look at' : `${count} things to look at`),
  bad: () => 'Something is wrong',
}

function plain(level: Level, title: string, text: string): Verdict {
  return { level, title, text, findings: [] }
}

function summary({ now }: Overview, { shards, peers, store, filter }: RunningOverview): string {
  const parts = [
    shards && `Relays on ${counted(shards.length, 'shard')}, with ${counted(peers.connected, 'peer')}.`,
    shards ? undefined : `Connected with ${counted(peers.connected, 'peer')}; does not relay.`,
    store && storeSentence(store, now),
    filter && `Pushes to ${counted(filter.subscribers, 'subscriber')}.`,
  ]
  return parts.filter((part) => part !== undefined).join(' ')
}

function storeSentence({ messages, oldest }: NonNullable<RunningOverview['store']>, now: number): string {
  if (messages === 0 || oldest === undefined) return 'Its store is empty.'
  return `Keeps ${counted(messages, 'message')}, the oldest from ${duration(now - oldest)} ago.`
}

type Check = (overview: Overview, running: RunningOverview) => Finding | undefined

/** All that is looked at, the gravest first. */
const checks: readonly Check[] = [
  (_, { store }) =>
    store === undefined || store.state === 'ready'
      ? undefined
      : bad(
          `The store takes no messages: ${store.why ?? 'it is closed'}.`,
          'It tries again by itself. Look at the disk: is it full, or gone?',
        ),
  (_, { disk }) => {
    if (disk === undefined || disk.free >= Math.min(2 * GiB, disk.size / 10)) return undefined
    const what = `The disk has only ${bytes(disk.free)} left of ${bytes(disk.size)}.`
    const todo = 'Make room, or keep less: --store-message-retention-policy.'
    return disk.free < GiB / 4 ? bad(what, todo) : notice(what, todo)
  },
  ({ now }, { certificateEnds: ends }) => {
    if (ends === undefined || ends - now > 21 * day) return undefined
    const todo = 'Renew it and restart the node.'
    if (ends < now) return bad(`The certificate for wss ended ${duration(now - ends)} ago: browsers stay away.`, todo)
    return notice(`The certificate for wss ends in ${duration(ends - now)}.`, todo)
  },
  (_, { certificateFailures: failures = 0 }) =>
    failures === 0
      ? undefined
      : notice(
          `No new certificate came of ${failures === 1 ? 'the last order' : `${failures} orders`}.`,
          'The log says why. Does the name lead here, and port 80 to --acme-http-port? With --auto-tls: can peers dial it?',
        ),
  (_, { reached }) =>
    reached !== 'private'
      ? undefined
      : notice(
          'Peers tried to dial this node and could not.',
          'Open its ports, have the router map them (--nat=upnp), or use --relay-client.',
        ),
  (_, { clockOffset: offset, store }) => {
    if (offset === undefined || Math.abs(offset) < storeWindow / 4) return undefined
    const what = `The clock is ${delay(Math.abs(offset))} ${offset > 0 ? 'behind' : 'ahead of'} those of others.`
    const todo = 'Set it, or start a time service such as chrony.'
    if (store === undefined || Math.abs(offset) < storeWindow) return notice(what, todo)
    return bad(`${what} The store refuses their messages.`, todo)
  },
  (_, { peers, addresses }) =>
    peers.connected > 0
      ? undefined
      : {
          ...notice('No peers yet.', 'Name one with --staticnode=<address>, or let another node dial this one:'),
          copy: addresses.find((address) => !/\/wss?\//.test(address)) ?? addresses[0],
        },
  (_, { peers, shards = [] }) => {
    const lonely = shards.filter(({ mesh }) => mesh === 0)
    if (peers.connected === 0 || lonely.length === 0) return undefined
    const names = lonely.slice(0, 8).map(({ shard }) => shard)
    const more = lonely.length > names.length ? ` and ${lonely.length - names.length} more` : ''
    const what = `Nobody to relay to on shard${lonely.length === 1 ? '' : 's'} ${names.join(', ')}${more}.`
    return notice(what, 'Connect to peers that follow the same shards of the same cluster.')
  },
  (_, { peers: { connected, limit } }) =>
    connected < limit * 0.9
      ? undefined
      : notice(`${connected} of ${counted(limit, 'connection')} are taken.`, 'Allow more: --max-connections.'),
  (_, { filter }) =>
    filter === undefined || filter.limit === 0 || filter.subscribers < filter.limit * 0.9
      ? undefined
      : notice(
          `${filter.subscribers} of ${filter.limit} subscriptions are taken.`,
          'Allow more: --filter-max-peers-to-serve.',
        ),
  ({ now, warnings }) => {
    const [latest] = warnings.recent
    if (latest === undefined || now - latest.last > hour) return undefined
    const what = `A ${latest.level === 'warn' ? 'warning' : 'failure'} was logged at ${moment(latest.last, now)}.`
    return notice(what, 'It stands below, under Warnings.')
  },
]

/** Everything that asks for attention, the gravest first. */
function findingsOf(overview: Overview, running: RunningOverview): readonly Finding[] {
  const found = checks.map((check) => check(overview, running)).filter((one) => one !== undefined)
  return found.toSorted((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'))
}

function notice(what: string, todo: string): Finding {
  return { level: 'notice', what, todo }
}

function bad(what: string, todo: string): Finding {
  return { level: 'bad', what, todo }
}
