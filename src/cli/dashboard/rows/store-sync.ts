/** What stores give each other. */
import { gauges, percentiles, type Row, rates } from '../panel.ts'

export const storeSync: Row = {
  title: 'Store sync',
  panels: [
    {
      title: 'Differences found',
      says: 'Messages that one of two stores had and the other had not, by reconciliation. Hundreds again and again: messages are lost somewhere.',
      unit: 'short',
      queries: percentiles('reconciliation_differences'),
    },
    {
      title: 'Turns',
      says: 'Turns of the other side in a reconciliation.',
      unit: 'none',
      queries: percentiles('reconciliation_roundtrips'),
    },
    {
      title: 'Bytes of sync',
      says: 'Bytes a second to and from other stores.',
      unit: 'Bps',
      queries: rates('total_bytes_exchanged_total', 'protocol', 'direction'),
    },
    {
      title: 'Messages of sync',
      says: 'Messages a second that stores gave each other.',
      unit: 'mps',
      queries: rates('total_transfer_messages_exchanged_total', 'direction'),
    },
    {
      title: 'In the window',
      says: 'Messages of the synced time that this node knows to have stored.',
      unit: 'short',
      queries: gauges('total_messages_cached'),
    },
    {
      title: 'Sync refused',
      says: 'Messages of other stores that were not taken, by reason. Many of one kind: a store that lies, or of other shards.',
      unit: 'mps',
      queries: rates('waypost_sync_refused_messages_total', 'reason'),
    },
  ],
}
