/** The kinds of questions that clients and other stores have. */
import type { History } from './history.ts'
import { contentTopics, denseTopic, pubsubTopicOf, rareTopic } from './messages.ts'
import type { PageQuery } from './subject.ts'

/** By name, each a new one of its kind. */
export const questions = {
  'by time': (history) => ({ start: history.someTime() }),
  'content topic': (history) => ({ contentTopics: [denseTopic()], start: history.someTime() }),
  'content topic, backward': (history) => ({
    contentTopics: [denseTopic()],
    end: history.someTime(),
    backward: true,
  }),
  'content topic and shard': (history) => {
    const topic = denseTopic()
    return { contentTopics: [topic], pubsubTopic: pubsubTopicOf(topic), start: history.someTime() }
  },
  '100 content topics': (history) => ({ contentTopics: contentTopics.slice(0, 100), start: history.someTime() }),
  'rare content topic': () => ({ contentTopics: [rareTopic] }),
  'one shard': (history) => ({ pubsubTopic: pubsubTopicOf(denseTopic()), start: history.someTime() }),
  'presence, by time': (history) => ({ start: history.someTime(), presence: true }),
  'one hash': (history) => ({ hashes: [history.someHash()] }),
  '100 hashes': (history) => ({ hashes: Array.from({ length: 100 }, () => history.someHash()) }),
} as const satisfies Record<string, (history: History) => PageQuery>

export type Question = keyof typeof questions
export const questionNames = Object.keys(questions) as Question[]
