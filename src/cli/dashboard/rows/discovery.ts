/** How other nodes are found. */
import { gauges, type Row, rates } from '../panel.ts'

export const discovery: Row = {
  title: 'Finding peers',
  panels: [
    {
      title: 'Nodes in DNS',
      says: 'Node records in the trees in DNS, as they were read last. While a tree cannot be read, those from before stand.',
      unit: 'none',
      queries: gauges('waku_dnsdisc_discovered'),
    },
    {
      title: 'Trees not read',
      says: 'Trees in DNS that could not be read whole, and records in them that are none. The log says why.',
      unit: 'short',
      queries: rates('waku_dnsdisc_errors_total', 'type'),
    },
  ],
}
