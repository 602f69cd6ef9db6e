import t from 'tap'
import { relayTarget, targetsOf } from '../../../src/net/peer-manager/targets.ts'
import { type Contact, fills, type Traits, wantsOf } from '../../../src/net/peer-manager/wants.ts'

const targets = targetsOf({ maxConnections: 300, relayShare: 0.6 })
const relay = (shards: readonly number[] | undefined, outbound = true): Contact => ({
  outbound,
  relays: true,
  shards,
  services: new Set(),
})

t.test('relay has its share of the connections, a third of it dialled', async (t) => {
  t.same(targets, { relayIn: 120, relayOut: 60 })
  t.same(
    targetsOf({ maxConnections: 50, relayShare: 0.6 }),
    { relayIn: 20, relayOut: 10 },
    'as nwaku with its defaults',
  )
})

t.test('each shard has peers for a mesh, within the target of all', async (t) => {
  t.same(relayTarget(targets, 1), { all: 10, shard: 6 })
  t.same(relayTarget(targets, 8), { all: 48, shard: 6 })
  t.same(relayTarget({ relayIn: 3, relayOut: 2 }, 8), { all: 2, shard: 2 })
  t.same(relayTarget(targets, 0), { all: 0, shard: 0 })
})

t.test('what is missing is told by shard, and a peer counts for each of its own', async (t) => {
  const needs = { targets, shards: [0, 1], services: new Map() }
  const contacts = [relay([0]), relay([0, 1]), relay(undefined)]
  t.same(wantsOf(needs, contacts), [
    { kind: 'shard', shard: 0, missing: 3 },
    { kind: 'shard', shard: 1, missing: 4 },
    { kind: 'relay', missing: 9 },
  ])
  t.same(
    wantsOf(
      needs,
      Array.from({ length: 20 }, () => relay([0, 1])),
    ),
    [],
    'nothing is missing',
  )
})

t.test('peers who dialled us count too, but some of each shard are our own choice', async (t) => {
  const needs = { targets, shards: [0], services: new Map() }
  const guests = Array.from({ length: 20 }, () => relay([0], false))
  t.same(wantsOf(needs, guests), [{ kind: 'shard', shard: 0, missing: 3 }])
  t.same(wantsOf(needs, [...guests, relay([0]), relay([0]), relay([0])]), [])
})

t.test('a mesh that is too small wants one peer more, whoever is connected', async (t) => {
  const needs = { targets, shards: [0, 1], thin: [1], services: new Map() }
  const plenty = Array.from({ length: 20 }, () => relay([0, 1]))
  t.same(wantsOf(needs, plenty), [{ kind: 'shard', shard: 1, missing: 1 }])
  t.same(wantsOf({ ...needs, targets: { relayIn: 40, relayOut: 20 } }, plenty), [], 'within the target of all')
})

t.test('a crowd of peers who dialled us and say nothing of themselves stands in for nobody', async (t) => {
  const needs = { targets, shards: [0], services: new Map() }
  const missing = (guest: Partial<Contact>) =>
    wantsOf(
      needs,
      Array.from({ length: 20 }, () => ({ ...relay([0], false), ...guest })),
    )
  const ours = { kind: 'shard', shard: 0, missing: 3 } as const
  t.same(missing({}), [ours], 'those who say who they are count')
  t.same(missing({ shards: undefined }), [{ ...ours, missing: 6 }])
  t.same(missing({ relays: undefined }), [
    { ...ours, missing: 6 },
    { kind: 'relay', missing: 10 },
  ])
  t.same(
    wantsOf(
      needs,
      Array.from({ length: 20 }, () => relay(undefined)),
    ),
    [],
    'whom we chose counts meanwhile',
  )
})

t.test('a node that does not relay wants those who serve', async (t) => {
  const services = new Map([['store', 2] as const])
  const server: Contact = { outbound: false, relays: false, shards: [0], services: new Set(['store']) }
  t.same(wantsOf({ targets, shards: [], services }, []), [{ kind: 'service', service: 'store', missing: 2 }])
  t.same(wantsOf({ targets, shards: [], services }, [server, server]), [])
})

t.test('who is known not to fit is not asked, who is not known is', async (t) => {
  const of = (traits: Partial<Traits>): Traits => ({ relays: true, shards: [0], services: new Set(), ...traits })
  const shard = { kind: 'shard', shard: 0, missing: 1 } as const
  t.equal(fills(shard, of({}), [0]), true)
  t.equal(fills(shard, of({ shards: [1] }), [0]), false)
  t.equal(fills(shard, of({ relays: false }), [0]), false)
  t.equal(fills(shard, of({ relays: undefined, shards: undefined }), [0]), true)
  const store = { kind: 'service', service: 'store', missing: 1 } as const
  t.equal(fills(store, of({ services: new Set(['store']) }), [0]), true)
  t.equal(fills(store, of({}), [0]), false)
  t.equal(fills(store, of({ services: new Set(['store']), shards: [9] }), [0]), false)
})
