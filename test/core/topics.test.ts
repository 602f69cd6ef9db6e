import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../src/core/errors.ts'
import { possibleTopics, pubsubTopicFor } from '../../src/core/sharding.ts'
import {
  autoshard,
  type ContentTopic,
  parseContentTopic,
  parsePubsubTopic,
  pubsubTopicOf,
} from '../../src/core/topics.ts'
import { holds } from '../kit/property.ts'
import { readVectors } from '../kit/vectors.ts'

interface Vectors {
  readonly autosharding: readonly { contentTopic: string; shardCount: number; shard: number }[]
  readonly contentTopics: readonly { contentTopic: string; parts: ContentTopic }[]
  readonly refusedContentTopics: readonly { contentTopic: string; why: string }[]
  readonly pubsubTopics: readonly { topic: string; cluster: number; shard: number }[]
  readonly refusedPubsubTopics: readonly { topic: string }[]
}

const vectors = readVectors<Vectors>('topics')

t.test('a content topic belongs to the shard that the specification and nwaku say', async (t) => {
  for (const { contentTopic, shardCount, shard } of vectors.autosharding)
    t.equal(autoshard(contentTopic, shardCount), shard, contentTopic)
})

t.test('name, encoding and a generation of 0 do not enter into the shard', async (t) => {
  const shard = autoshard('/app/1/a/proto', 1000)
  for (const contentTopic of ['/app/1/b/proto', '/app/1/a/json', '/0/app/1/a/proto'])
    t.equal(autoshard(contentTopic, 1000), shard, contentTopic)
  t.not(autoshard('/app/2/a/proto', 1000), shard, 'the version does')
})

t.test('a generation above 0 has no shard', async (t) => {
  t.throws(() => autoshard('/1/toychat/2/huilong/proto', 8), {
    code: 'topic/bad-content-topic',
    message: /Generation > 0/,
  })
})

t.test('a shard lies within the network, whatever its size', async (t) => {
  const part = fc.string({ minLength: 1 }).filter((text) => !text.includes('/'))
  holds(
    t,
    fc.property(part, part, fc.integer({ min: 1, max: 1024 }), (application, version, shardCount) => {
      const shard = autoshard(`/${application}/${version}/name/proto`, shardCount)
      return Number.isInteger(shard) && shard >= 0 && shard < shardCount
    }),
  )
})

t.test('a content topic comes apart into its parts', async (t) => {
  for (const { contentTopic, parts } of vectors.contentTopics)
    t.same(parseContentTopic(contentTopic), parts, contentTopic)
})

t.test('a content topic of another form is refused, and the reason named', async (t) => {
  for (const { contentTopic, why } of vectors.refusedContentTopics)
    t.throws(() => parseContentTopic(contentTopic), { code: 'topic/bad-content-topic', message: new RegExp(why) })
})

t.test('any text is a content topic or is refused in a short line', async (t) => {
  const texts = fc.oneof(
    fc.string(),
    fc.array(fc.string()).map((parts) => `/${parts.join('/')}`),
  )
  holds(
    t,
    fc.property(texts, (text) => {
      try {
        return parseContentTopic(text).application !== ''
      } catch (error) {
        return isWaypostError(error, 'topic/bad-content-topic')
      }
    }),
  )
  for (const long of ['x'.repeat(100_000), `/${'x'.repeat(100_000)}`])
    t.throws(() => parseContentTopic(long), { message: /^.{1,700}$/ }, 'it goes into the log, and back to the peer')
})

t.test('a pubsub topic names a cluster and a shard', async (t) => {
  for (const { topic, cluster, shard } of vectors.pubsubTopics) {
    t.same(parsePubsubTopic(topic), { cluster, shard }, topic)
    t.equal(pubsubTopicOf({ cluster, shard }), topic)
  }
  for (const { topic } of vectors.refusedPubsubTopics) t.equal(parsePubsubTopic(topic), undefined, topic)
})

t.test(
  'under autosharding a network has as many topics as shards, under static sharding the whole cluster',
  async (t) => {
    t.same([...possibleTopics({ cluster: 1, shardCount: 2 })], ['/waku/2/rs/1/0', '/waku/2/rs/1/1'])
    t.equal(possibleTopics({ cluster: 16, shardCount: 0 }).size, 1024)
    t.ok(possibleTopics({ cluster: 16, shardCount: 0 }, ['/waku/2/rs/17/1']).has('/waku/2/rs/17/1'))
    t.equal(pubsubTopicFor('/toychat/2/huilong/proto', { cluster: 1, shardCount: 8 }), '/waku/2/rs/1/3')
    t.equal(pubsubTopicFor('/toychat/2/huilong/proto', { cluster: 16, shardCount: 0 }), undefined)
  },
)
