import t from 'tap'
import { type Candidate, chooseDials, choosePartings, type Guest } from '../../../src/net/peer-manager/choice.ts'

const candidate = (key: string, traits: Partial<Candidate> = {}): Candidate => ({
  key,
  relays: true,
  shards: [0],
  services: new Set(),
  isFriend: false,
  subnets: [],
  ...traits,
})
const common = { shards: [0, 1], most: 10, subnets: new Map(), perSubnet: 2 }
const keys = (chosen: readonly { readonly key: string }[]) => chosen.map(({ key }) => key).toSorted()

t.test('as many are dialled as are missing, and none that fills nothing', async (t) => {
  const some = [candidate('a'), candidate('b'), candidate('c'), candidate('d', { shards: [1] })]
  const wants = [{ kind: 'shard', shard: 0, missing: 2 } as const]
  const chosen = chooseDials(some, { ...common, wants })
  t.equal(chosen.length, 2)
  t.notOk(chosen.some(({ key }) => key === 'd'))
  t.equal(wants[0]?.missing, 2, 'what is missing is missing until it is there')
})

t.test('one peer can fill what is missing on several shards', async (t) => {
  const wants = [0, 1].map((shard) => ({ kind: 'shard', shard, missing: 1 }) as const)
  t.same(keys(chooseDials([candidate('both', { shards: [0, 1] })], { ...common, wants })), ['both'])
})

t.test('friends come before strangers, whatever chance says', async (t) => {
  const wants = [{ kind: 'relay', missing: 1 } as const]
  const some = [candidate('stranger'), candidate('friend', { isFriend: true })]
  for (const lot of [0, 0.5, 0.999])
    t.same(keys(chooseDials(some, { ...common, wants, random: () => lot })), ['friend'])
})

t.test('of one network few are dialled, those counted that are there', async (t) => {
  const wants = [{ kind: 'relay', missing: 9 } as const]
  const some = ['a', 'b', 'c'].map((key) => candidate(key, { subnets: ['1.2.3.0/24'] }))
  const others = ['d', 'e'].map((key) => candidate(key))
  t.equal(chooseDials([...some, ...others], { ...common, wants }).length, 4)
  const there = new Map([['1.2.3.0/24', 2]])
  t.same(keys(chooseDials([...some, ...others], { ...common, wants, subnets: there })), ['d', 'e'])
})

t.test('who is in several networks counts in each of them, in whatever order he names them', async (t) => {
  const wants = [{ kind: 'relay', missing: 9 } as const]
  const some = ['a', 'b', 'c', 'd'].map((key, index) =>
    candidate(key, { subnets: [`9.9.${index}.0/24`, '1.2.3.0/24'] }),
  )
  t.equal(chooseDials(some, { ...common, wants }).length, 2)
  t.same(chooseDials(some, { ...common, wants, subnets: new Map([['1.2.3.0/24', 2]]) }), [])
  const elsewhere = candidate('e', { subnets: ['9.9.0.0/24'] })
  t.same(keys(chooseDials([elsewhere], { ...common, wants, subnets: new Map([['1.2.3.0/24', 2]]) })), ['e'])
})

const guest = (key: string, traits: Partial<Guest> = {}): Guest => ({
  key,
  score: 0,
  isNeeded: false,
  subnet: undefined,
  since: 0,
  ...traits,
})

t.test('nobody leaves while there is room', async (t) => {
  t.same(choosePartings([guest('a'), guest('b')], 2), [])
  t.equal(choosePartings([guest('a'), guest('b')], 1).length, 1)
})

t.test('bad scores leave first, then the most crowded network, then the latest comer', async (t) => {
  const crowd = ['x', 'y', 'z'].map((key) => guest(key, { subnet: '1.2.3.0/24' }))
  const guests = [guest('old'), guest('late', { since: 9 }), guest('bad', { score: -1 }), ...crowd]
  const order = (most: number) => choosePartings(guests, most).map(({ key }) => key)
  t.same(order(5), ['bad'])
  t.same(order(2), ['bad', 'x', 'y', 'z'])
  t.same(order(1), ['bad', 'x', 'y', 'z', 'late'])
})

t.test('those that are needed stay, however many there are', async (t) => {
  t.same(choosePartings([guest('a', { isNeeded: true }), guest('b', { isNeeded: true })], 0), [])
})
