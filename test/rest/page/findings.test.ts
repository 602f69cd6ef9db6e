import t from 'tap'
import {
  type HistoryOverview,
  historyFigures,
  type Overview,
  type RunningOverview,
} from '../../../src/rest/overview.ts'
import { verdict } from '../../../src/rest/page/findings.ts'

const now = 1_800_000_000_000
const day = 86_400_000
const GiB = 1024 ** 3

const columns = Object.keys(historyFigures).map((name) => [name, []])
const history: HistoryOverview = { interval: 5000, times: [], values: Object.fromEntries(columns) }

const healthy: RunningOverview = {
  peerId: '16Uiu2HAm',
  reached: 'unknown',
  addresses: ['/ip4/127.0.0.1/tcp/8000/ws/p2p/16Uiu2HAm', '/ip4/127.0.0.1/tcp/60000/p2p/16Uiu2HAm'],
  cluster: 0,
  memory: 1,
  messages: { relay: 1, lightpush: 0, rest: 0, pushed: 0, notPushed: 0, storeQueries: 0, refused: 0 },
  peers: { connected: 3, limit: 300, byDirection: [], byTransport: [], byProtocol: [], byAgent: [] },
  shards: [{ pubsubTopic: '/waku/2/rs/0/0', shard: 0, peers: 3, mesh: 3 }],
  store: { state: 'ready', messages: 12, bytes: 1, waiting: 0, retention: 'time:2d', oldest: now - day },
  filter: { subscribers: 1, limit: 1000, criteria: 1 },
  disk: { free: 50 * GiB, size: 100 * GiB },
}

function overview(running: RunningOverview | undefined, more: Partial<Overview> = {}): Overview {
  return {
    now,
    version: '1.2.3',
    runtime: 'node 26',
    startedAt: now - day,
    health: { node: 'READY', protocols: [] },
    running,
    warnings: { total: 0, recent: [] },
    history,
    ...more,
  }
}

t.test('of a healthy node it is said that all is well, and what it does', async (t) => {
  t.same(verdict(overview(healthy)), {
    level: 'good',
    title: 'All is well',
    text: 'Relays on 1 shard, with 3 peers. Keeps 12 messages, the oldest from 1 day ago. Pushes to 1 subscriber.',
    findings: [],
  })
})

t.test('a node that starts, and one that stops, is said to', async (t) => {
  t.match(verdict(overview(undefined, { health: { node: 'INITIALIZING', protocols: [] } })), {
    level: 'starting',
    title: 'Starting',
  })
  t.match(verdict(overview(healthy, { health: { node: 'SHUTTING_DOWN', protocols: [] } })), { title: 'Stopping' })
})

t.test('of a node without services the sentence is whole too', async (t) => {
  const bare = { ...healthy, shards: undefined, store: undefined, filter: undefined }
  t.match(verdict(overview(bare)), { level: 'good', text: 'Connected with 3 peers; does not relay.' })
})

const line = { level: 'warn', part: '', message: 'x', detail: '', count: 1, first: now, last: now } as const

/** What is wrong, and what is said of it. The first of each kind is beside one that is still well. */
const cases: readonly {
  id: string
  running?: Partial<RunningOverview>
  more?: Partial<Overview>
  says?: RegExp
  level: string
}[] = [
  { id: 'no peers', running: { peers: { ...healthy.peers, connected: 0 } }, says: /No peers yet/, level: 'notice' },
  {
    id: 'an archive that failed',
    running: { store: { ...healthy.store!, state: 'degraded', why: 'no space' } },
    says: /takes no messages: no space/,
    level: 'bad',
  },
  { id: 'a disk with room', running: { disk: { free: 3 * GiB, size: 100 * GiB } }, level: 'good' },
  {
    id: 'a disk that fills up',
    running: { disk: { free: GiB, size: 100 * GiB } },
    says: /only 1 GiB left of 100 GiB/,
    level: 'notice',
  },
  { id: 'a full disk', running: { disk: { free: 1024, size: 100 * GiB } }, says: /only 1 KiB left/, level: 'bad' },
  { id: 'a certificate with time', running: { certificateEnds: now + 22 * day }, level: 'good' },
  {
    id: 'a certificate that ends',
    running: { certificateEnds: now + 20 * day },
    says: /ends in 20 days/,
    level: 'notice',
  },
  {
    id: 'a certificate that has ended',
    running: { certificateEnds: now - day },
    says: /ended 1 day ago/,
    level: 'bad',
  },
  {
    id: 'an order of a certificate that failed',
    running: { certificateFailures: 2 },
    says: /of 2 orders/,
    level: 'notice',
  },
  { id: 'a node that peers dial', running: { reached: 'public' }, level: 'good' },
  { id: 'a node that peers cannot dial', running: { reached: 'private' }, says: /could not/, level: 'notice' },
  { id: 'a clock that is right enough', running: { clockOffset: -4000 }, level: 'good' },
  { id: 'a clock that is ahead', running: { clockOffset: -8000 }, says: /8 s ahead of/, level: 'notice' },
  { id: 'a clock that costs messages', running: { clockOffset: 30_000 }, says: /30 s behind .* refuses/, level: 'bad' },
  {
    id: 'a shard without a mesh',
    running: { shards: [...healthy.shards!, { pubsubTopic: '', shard: 7, peers: 0, mesh: 0 }] },
    says: /on shard 7\./,
    level: 'notice',
  },
  {
    id: 'no room for connections',
    running: { peers: { ...healthy.peers, connected: 280 } },
    says: /280 of 300 connections/,
    level: 'notice',
  },
  {
    id: 'no room for subscribers',
    running: { filter: { subscribers: 950, limit: 1000, criteria: 1 } },
    says: /950 of 1000/,
    level: 'notice',
  },
  {
    id: 'a fresh warning',
    more: { warnings: { total: 1, recent: [line] } },
    says: /A warning was logged/,
    level: 'notice',
  },
  { id: 'an old warning', more: { warnings: { total: 1, recent: [{ ...line, last: now - day }] } }, level: 'good' },
]

for (const { id, running, more, says, level } of cases) {
  t.test(`${id}: ${level}`, async (t) => {
    const said = verdict(overview({ ...healthy, ...running }, more))
    t.equal(said.level, level)
    t.equal(said.findings.length, says === undefined ? 0 : 1)
    if (says !== undefined) t.match(said.findings[0]?.what, says)
    for (const { todo } of said.findings) t.ok(todo.length > 0, 'it says what to do')
  })
}

t.test('who has no peers is given an address that another node can dial', async (t) => {
  const { findings } = verdict(overview({ ...healthy, peers: { ...healthy.peers, connected: 0 } }))
  t.equal(findings[0]?.copy, '/ip4/127.0.0.1/tcp/60000/p2p/16Uiu2HAm')
})

t.test('the gravest stands first', async (t) => {
  const { title, findings } = verdict(
    overview({ ...healthy, peers: { ...healthy.peers, connected: 0 }, certificateEnds: now - 1 }),
  )
  t.equal(title, 'Something is wrong')
  t.same(
    findings.map((one) => one.level),
    ['bad', 'notice'],
  )
})
