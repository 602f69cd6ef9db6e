/** `/waypost/v1/overview`: the state of the node and how its figures went, in one document. nwaku has nothing like it. */
import { WaypostError } from '../../core/errors.ts'
import { json } from '../answer.ts'
import type { Writable } from '../json/write.ts'
import { historyFigures, type Overview, type OverviewQuery, type OverviewService } from '../overview.ts'
import { group, type RestRequest, type Route } from '../route.ts'
import { array, described, number, object, oneOf, optional, type Shape, string } from '../shape.ts'
import type { NodeView } from '../view.ts'

const minute = 60_000
const hour = 60 * minute

/** How far back the history may be asked for. */
const ranges = { '15m': 15 * minute, '1h': hour, '24h': 24 * hour, '7d': 7 * 24 * hour } as const
type RangeName = keyof typeof ranges
const defaultRange: RangeName = '1h'

const time = described(number, 'Milliseconds since 1970.')
const counts = array(object({ name: string, count: number }))

const peers = object({
  connected: number,
  limit: number,
  byDirection: counts,
  byTransport: counts,
  byProtocol: counts,
  byAgent: counts,
})
const store = object({
  state: oneOf('ready', 'degraded', 'closed'),
  why: optional(string),
  messages: number,
  bytes: number,
  waiting: number,
  retention: string,
  oldest: optional(time),
  newest: optional(time),
})
const running = object({
  peerId: string,
  addresses: array(string),
  cluster: number,
  memory: described(number, 'Bytes of the process.'),
  messages: described(
    object({
      relay: number,
      lightpush: number,
      rest: number,
      pushed: number,
      notPushed: number,
      storeQueries: number,
      refused: number,
    }),
    'Since the start.',
  ),
  peers,
  shards: optional(array(object({ pubsubTopic: string, shard: number, peers: number, mesh: number }))),
  store: optional(store),
  filter: optional(object({ subscribers: number, limit: number, criteria: number })),
  disk: optional(object({ free: number, size: number })),
  certificateEnds: optional(time),
  certificateFailures: optional(described(number, 'Orders of a certificate that failed, in a row.')),
  reached: described(oneOf('unknown', 'public', 'private'), 'What peers found when they tried to dial the node.'),
  clockOffset: optional(described(number, 'Milliseconds by which the clocks of others are ahead.')),
})
const warning = object({
  level: oneOf('warn', 'error', 'fatal'),
  part: string,
  message: string,
  detail: string,
  count: number,
  first: time,
  last: time,
})

/** A column of the history, which the reference alone reads. */
const column: Shape<readonly (number | null)[]> = {
  schema: { type: 'array', items: { type: ['number', 'null'] } },
  read: (value) => value as unknown as readonly (number | null)[],
}
const columns = Object.fromEntries(Object.keys(historyFigures).map((name) => [name, column]))

const overview: Shape<Overview> = object({
  now: time,
  version: string,
  runtime: string,
  startedAt: time,
  health: object({
    node: oneOf('INITIALIZING', 'SYNCHRONIZING', 'READY', 'NOT_READY', 'NOT_MOUNTED', 'SHUTTING_DOWN'),
    protocols: array(
      object({
        protocol: string,
        state: oneOf('INITIALIZING', 'SYNCHRONIZING', 'READY', 'NOT_READY', 'NOT_MOUNTED', 'SHUTTING_DOWN'),
        desc: optional(string),
      }),
    ),
  }),
  running: optional(running),
  warnings: object({ total: number, recent: array(warning) }),
  history: object({
    interval: described(number, 'Milliseconds between two samples.'),
    times: array(time),
    // One column for each figure.
    values: object(columns) as Shape<Overview['history']['values']>,
  }),
})

const route: Route<OverviewService> = {
  method: 'GET',
  path: '/waypost/v1/overview',
  summary: 'The state of the node and the history of its figures; the page at / is drawn from it',
  query: {
    range: { says: `how far back; ${defaultRange} unless given`, shape: oneOf('15m', '1h', '24h', '7d') },
    since: { says: 'only samples later than this, in milliseconds since 1970', shape: time },
  },
  answers: { 200: { when: 'always; without `running` while the node starts', shape: overview } },
  async handle(request, service) {
    // Plain data all through, as the shape says.
    return json((await service.overview(readQuery(request))) as unknown as Writable)
  },
}

export const overviewGroup = group({
  name: 'overview',
  says: 'The node at a glance.',
  access: 'usual',
  service: (node: NodeView) => node.overview,
  off: '',
  routes: [route],
})

function readQuery({ query }: RestRequest): OverviewQuery {
  const name = query.get('range') ?? defaultRange
  if (!isRange(name))
    throw new WaypostError('rest/bad-parameter', { why: `range is not one of ${Object.keys(ranges).join(', ')}` })
  const since = query.get('since') ?? '0'
  if (!/^\d{1,15}$/.test(since))
    throw new WaypostError('rest/bad-parameter', { why: 'since is not a time in milliseconds' })
  return { range: ranges[name], since: Number(since) }
}

function isRange(name: string): name is RangeName {
  return Object.hasOwn(ranges, name)
}
