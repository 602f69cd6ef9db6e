import t from 'tap'
import { Board, type Registrant } from '../../../src/protocols/rendezvous/board.ts'
import type { Cookie } from '../../../src/protocols/rendezvous/codec.ts'
import { boardLimits } from '../../../src/protocols/rendezvous/limits.ts'

const namespace = 'rs/66/1'
const hour = 3_600_000
const at = (peer: string, subnet?: string): Registrant => ({ peer, subnet })
const signed = (peer: string, name = namespace) => ({ namespace: name, record: Buffer.from(peer) })

function boardOf(peers: readonly string[], { random = Math.random, limits = boardLimits } = {}): Board {
  const board = new Board(limits, () => 0, random)
  for (const peer of peers) board.put(at(peer), signed(peer), hour)
  return board
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `peer${index}`)
const shown = (board: Board, limit: number, cookie?: Cookie) => {
  const page = board.find({ namespace, limit, cookie })
  return { ...page, peers: page.registrations.map(({ record }) => Buffer.from(record).toString()) }
}

t.test(
  'whoever registered early and for long hides nobody: each is on a first page as often as the others',
  async (t) => {
    const peers = names(24)
    const lots = peers.map((_, index) => index / peers.length)
    const board = boardOf(peers, { random: () => lots.shift() ?? 0 })
    const times = new Map<string, number>()
    for (const _ of peers) for (const peer of shown(board, 12).peers) times.set(peer, (times.get(peer) ?? 0) + 1)
    t.same([...times.keys()].sort(), [...peers].sort())
    t.same([...new Set(times.values())], [12])
  },
)

for (const lot of [0, 0.3, 0.99])
  t.test(
    `pages that begin at ${lot} go round, and show each registration once, and those that come later`,
    async (t) => {
      const board = boardOf(names(7), { random: () => lot })
      const seen: string[] = []
      let cookie: Cookie | undefined
      for (let page = 0; page < 3; page += 1) {
        const { peers, cookie: next } = shown(board, 3, cookie)
        seen.push(...peers)
        cookie = next
      }
      t.same([...seen].sort(), names(7))
      t.same(shown(board, 3, cookie).peers, [])
      board.put(at('later'), signed('later'), hour)
      t.same(shown(board, 3, cookie).peers, ['later'])
    },
  )

t.test('a cookie of another namespace, or one that we never gave, leads to a page or to nothing', async (t) => {
  const board = boardOf(names(3), { random: () => 0 })
  const most = 2n ** 64n - 1n
  t.same(shown(board, 3, { round: { first: 1n, last: 3n }, next: 9n, namespace: 'rs/66/2' }).peers, names(3))
  for (const [first, last, next] of [
    [most, 0n, 0n],
    [0n, most, 0n],
    [most, most, most],
  ] as const) {
    const { peers } = shown(board, 3, { round: { first, last }, next, namespace })
    t.equal(new Set(peers).size, peers.length)
  }
})

t.test('one network has a share of a namespace, and others find room there', async (t) => {
  const board = boardOf([], { limits: { ...boardLimits, perSubnet: 2 } })
  const put = (peer: string, subnet: string | undefined, name = namespace) =>
    board.put(at(peer, subnet), signed(peer, name), hour)
  t.same([put('a', '192.0.2.0/24'), put('b', '192.0.2.0/24')], [undefined, undefined])
  t.equal(put('c', '192.0.2.0/24'), 'subnet')
  t.equal(put('a', '192.0.2.0/24'), undefined, 'who is there may renew')
  t.equal(put('c', '192.0.2.0/24', 'rs/66/2'), undefined, 'another namespace')
  t.equal(put('c', '198.51.100.0/24'), undefined, 'another network')
  for (const peer of names(4)) t.equal(put(peer, undefined), undefined, 'a private network has no share')
})

t.test('a network that fills the board under many ids makes room for others', async (t) => {
  const board = boardOf([], { limits: { ...boardLimits, registrations: 4 } })
  for (const peer of names(4)) board.put(at(peer, '192.0.2.0/24'), signed(peer), hour)
  t.equal(board.put(at('other', '198.51.100.0/24'), signed('other'), hour), undefined)
  t.equal(board.put(at('one more', '192.0.2.0/24'), signed('one more'), hour), 'full')
  t.ok(shown(board, 10).peers.includes('other'))
})
