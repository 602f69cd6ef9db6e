/** Subscriptions and pushes. */
import { percentiles, type Row, rates } from '../panel.ts'

export const filter: Row = {
  title: 'Filter',
  panels: [
    {
      title: 'Requests',
      says: 'Filter requests a second, by kind.',
      unit: 'reqps',
      queries: rates('waku_filter_requests_total', 'type'),
    },
    {
      title: 'Errors',
      says: 'Requests refused and pushes that failed.',
      unit: 'reqps',
      queries: rates('waku_filter_errors_total', 'type'),
    },
    {
      title: 'Request time',
      says: 'Time to do what a request asks.',
      unit: 's',
      queries: percentiles('waku_filter_request_duration_seconds'),
    },
    {
      title: 'Subscribers',
      says: 'Peers with a subscription, and the pairs of topics that they ask for.',
      unit: 'none',
      queries: [
        ['waku_filter_subscriptions{$i}', 'subscribers'],
        ['waypost_filter_criteria{$i}', 'criteria'],
      ],
    },
    {
      title: 'Pushes',
      says: 'Messages pushed, and those that were not since the subscriber was slow or gone.',
      unit: 'mps',
      queries: [
        ['rate(waypost_filter_pushes_total{$i}[$r])', 'pushed'],
        ['rate(waypost_filter_dropped_total{$i}[$r])', 'dropped'],
      ],
    },
    {
      title: 'Time to queue',
      says: 'Time to queue one message for all who want it.',
      unit: 's',
      queries: percentiles('waku_filter_handle_message_duration_seconds'),
    },
  ],
}
