/** `/relay/v1/events`: messages as they come. nwaku has nothing like it. */
import { text } from '../answer.ts'
import type { RestRequest, Route } from '../route.ts'
import { string } from '../shape.ts'
import type { RelayService } from './relay.ts'

export const eventRoutes: readonly Route<RelayService>[] = [
  {
    method: 'GET',
    path: '/relay/v1/events',
    summary: 'Messages as they come, as server-sent events; unlike the cache it takes them from nobody',
    query: {
      pubsubTopic: { says: 'of these pubsub topics, comma-separated', shape: string },
      contentTopics: { says: 'of these content topics, comma-separated', shape: string },
    },
    answers: {
      200: {
        when: 'the stream is open; each event has messageHash, pubsubTopic and message',
        type: 'text/event-stream',
      },
      503: { when: 'there are 100 readers already' },
    },
    consumes: true,
    handle(request, { events }) {
      if (events.full) return text(503, 'too many readers of events')
      const wanted = { pubsubTopics: setOf(request, 'pubsubTopic'), contentTopics: setOf(request, 'contentTopics') }
      return { status: 200, type: 'text/event-stream', open: (response) => events.add(response, wanted) }
    },
  },
]

function setOf({ query }: RestRequest, name: string): ReadonlySet<string> {
  return new Set((query.get(name) ?? '').split(',').filter((topic) => topic !== ''))
}
