/** Light push, and what all services share. */
import { percentiles, type Row, rates } from '../panel.ts'

export const services: Row = {
  title: 'Light push and all services',
  panels: [
    {
      title: 'Light push',
      says: 'Messages that clients published, by version.',
      unit: 'reqps',
      queries: [
        ['sum by (instance) (rate(waku_lightpush_v3_messages_total{$i}[$r]))', 'version 3'],
        ['sum by (instance) (rate(waku_lightpush_messages_total{$i}[$r]))', 'version 2'],
      ],
    },
    {
      title: 'Light push errors',
      says: 'By status in version 3, by kind in version 2. 505: there was nobody to push to.',
      unit: 'reqps',
      queries: [...rates('waku_lightpush_v3_errors_total', 'type'), ...rates('waku_lightpush_errors_total', 'type')],
    },
    {
      title: 'Requests',
      says: 'Requests of each service at its rate limit.',
      unit: 'reqps',
      queries: rates('waku_service_requests_total', 'service', 'state'),
    },
    {
      title: 'Bytes',
      says: 'Bytes of requests, answers and pushes of each service.',
      unit: 'Bps',
      queries: rates('waku_service_network_bytes_total', 'service', 'direction'),
    },
    {
      title: 'Time',
      says: 'From a complete request to its answer written.',
      unit: 's',
      queries: percentiles('waku_service_request_handling_duration_seconds', 'service'),
    },
    {
      title: 'Without an answer',
      says: 'Requests that ended without a proper answer. Internal is a fault of Waypost.',
      unit: 'reqps',
      queries: rates('waypost_service_errors_total', 'service', 'reason'),
    },
  ],
}
