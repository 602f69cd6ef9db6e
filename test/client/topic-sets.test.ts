import t from 'tap'
import { areSame, noTopics, topicSets, without } from '../../src/client/topic-sets.ts'

t.test('topics of one pubsub topic are joined, each once, and empty ones are left out', async (t) => {
  const sets = topicSets([
    { pubsubTopic: 'one', contentTopics: ['a', 'b'] },
    { pubsubTopic: 'two', contentTopics: [] },
    { pubsubTopic: 'one', contentTopics: ['b', 'c'] },
  ])
  t.same(
    [...sets].map(([topic, set]) => [topic, ...set]),
    [['one', 'a', 'b', 'c']],
  )
})

t.test('what is missing comes in pieces, those of one pubsub topic together', async (t) => {
  const some = topicSets([
    { pubsubTopic: 'one', contentTopics: ['a', 'b', 'c', 'd'] },
    { pubsubTopic: 'two', contentTopics: ['a'] },
  ])
  const others = topicSets([{ pubsubTopic: 'one', contentTopics: ['b'] }])
  t.same(
    [...without(some, others, 2)],
    [
      { pubsubTopic: 'one', contentTopics: ['a', 'c'] },
      { pubsubTopic: 'one', contentTopics: ['d'] },
      { pubsubTopic: 'two', contentTopics: ['a'] },
    ],
  )
})

t.test('the same topics in another order are the same', async (t) => {
  const some = topicSets([{ pubsubTopic: 'one', contentTopics: ['a', 'b'] }])
  t.ok(areSame(some, topicSets([{ pubsubTopic: 'one', contentTopics: ['b', 'a'] }])))
  t.notOk(areSame(some, topicSets([{ pubsubTopic: 'one', contentTopics: ['a'] }])))
  t.notOk(areSame(some, topicSets([{ pubsubTopic: 'two', contentTopics: ['a', 'b'] }])))
  t.notOk(areSame(noTopics, some))
})
