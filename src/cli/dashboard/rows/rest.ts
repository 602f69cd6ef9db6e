/** The REST API. */
import { percentiles, type Row, rates } from '../panel.ts'

export const rest: Row = {
  title: 'REST',
  panels: [
    {
      title: 'Requests',
      says: 'REST requests by group of routes and class of status.',
      unit: 'reqps',
      queries: rates('waypost_rest_requests_total', 'group', 'status'),
    },
    {
      title: 'Time',
      says: 'From a request read to its answer made.',
      unit: 's',
      queries: percentiles('waypost_rest_request_duration_seconds', 'group'),
    },
  ],
}
