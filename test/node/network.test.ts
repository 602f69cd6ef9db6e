import t from 'tap'
import type { Quota, QuotaOptions } from '../../src/net/quota.ts'
import { networkOf } from '../../src/node/network.ts'
import { ServiceQuotas } from '../../src/node/rates.ts'
import type { LimitedService, RateLimit } from '../../src/settings/kinds/policy.ts'

const none = { shard: undefined, contentTopic: [], protectedShard: [] }

t.test('autosharding follows all shards of the network, unless some are named', async (t) => {
  const all = networkOf({ ...none, clusterId: 1, numShardsInNetwork: 3 })
  t.same(all.followed, ['/waku/2/rs/1/0', '/waku/2/rs/1/1', '/waku/2/rs/1/2'])
  t.same([...all.possible], all.followed)
  const some = networkOf({ ...none, clusterId: 1, numShardsInNetwork: 8, shard: [5, 5] })
  t.same(some.followed, ['/waku/2/rs/1/5'])
  t.equal(some.possible.size, 8)
})

t.test('static sharding follows what is named, and may follow any shard of the cluster', async (t) => {
  const { followed, possible } = networkOf({ ...none, clusterId: 16, numShardsInNetwork: 0, shard: [32, 64] })
  t.same(followed, ['/waku/2/rs/16/32', '/waku/2/rs/16/64'])
  t.equal(possible.size, 1024)
  t.same(networkOf({ ...none, clusterId: 16, numShardsInNetwork: 0 }).followed, [])
})

t.test('a content topic adds its shard', async (t) => {
  // toychat 2 belongs to shard 3 of 8: nwaku tests/waku_core/topics/test_sharding.nim
  const contentTopic = ['/toychat/2/huilong/proto']
  t.same(networkOf({ ...none, clusterId: 1, numShardsInNetwork: 8, shard: [0], contentTopic }).followed, [
    '/waku/2/rs/1/0',
    '/waku/2/rs/1/3',
  ])
})

t.test('the key of a protected shard stands under its pubsub topic', async (t) => {
  const publicKey = `02${'ab'.repeat(32)}`
  const protectedShard = [
    { shard: 3, publicKey },
    { cluster: 9, shard: 4, publicKey },
  ]
  const { protectedKeys } = networkOf({ ...none, clusterId: 1, numShardsInNetwork: 8, protectedShard })
  t.same([...protectedKeys.keys()], ['/waku/2/rs/1/3', '/waku/2/rs/9/4'])
  t.equal(Buffer.from(protectedKeys.get('/waku/2/rs/1/3') ?? '').toString('hex'), publicKey)
})

/** The quota of a service, under what the settings say. */
function quotaFor(
  service: LimitedService,
  defaults: Pick<QuotaOptions, 'perPeer' | 'total'>,
  limits: readonly RateLimit[],
): Quota {
  return new ServiceQuotas(limits).of(service, defaults)
}

/** How many requests of one peer a fresh quota lets through, up to `most`. */
function allowed(quota: Quota, most: number): number {
  let count = 0
  while (count < most && quota.take('peer')) count += 1
  return count
}

t.test('a rate limit holds for the service it names, the last one counts', async (t) => {
  const hour = 3_600_000
  const defaults = { perPeer: { volume: 60, period: hour }, total: { volume: 600, period: hour } }
  const limits = [
    { service: 'filter', rate: { requests: 5, period: hour } },
    { service: 'filter', rate: { requests: 7, period: hour } },
    { service: 'store', rate: { requests: 3, period: hour } },
    { rate: { requests: 11, period: hour } },
  ] as const
  t.equal(allowed(quotaFor('filter', defaults, limits), 100), 7)
  t.equal(allowed(quotaFor('storev3', defaults, limits), 100), 3, 'store stands for its versions')
  t.equal(allowed(quotaFor('lightpush', defaults, limits), 100), 11, 'one without a name is for the rest')
  t.equal(allowed(quotaFor('lightpush', defaults, []), 1000), 60, 'the default')
  t.equal(allowed(quotaFor('storev3', defaults, [...limits, { service: 'storev3' }]), 5000), 5000, 'unlimited')
})
