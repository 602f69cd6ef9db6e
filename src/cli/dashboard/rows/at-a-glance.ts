/** What one looks at first. */
import { gauges, type Row } from '../panel.ts'

export const atAGlance: Row = {
  title: 'At a glance',
  panels: [
    {
      title: 'Version',
      says: 'The version that runs.',
      unit: 'none',
      queries: gauges('waku_version', '{{version}}'),
      stat: true,
    },
    {
      title: 'Started',
      says: 'When the process started. Several starts an hour are a fault: the end of the log says why.',
      unit: 'dateTimeFromNow',
      queries: [['process_start_time_seconds{$i} * 1000', '{{instance}}']],
      stat: true,
    },
    {
      title: 'Peers',
      says: 'Peers with an open connection. At 0 nothing comes in, and light push fails.',
      unit: 'none',
      queries: gauges('libp2p_peers'),
      stat: true,
      limits: [3, 1],
    },
    {
      title: 'Messages',
      says: 'Valid messages a second, whatever way they came.',
      unit: 'mps',
      queries: [['sum by (instance) (rate(waku_node_messages_total{$i}[$r]))', '{{instance}}']],
      stat: true,
    },
    {
      title: 'Stored',
      says: 'Messages in the archive.',
      unit: 'short',
      queries: gauges('waku_archive_messages'),
      stat: true,
    },
    {
      title: 'Archive degraded',
      says: '1 while the archive takes no messages since its disk or database failed, or is damaged.',
      unit: 'none',
      queries: gauges('waypost_archive_degraded'),
      stat: true,
      limits: [0.5, 1],
    },
    {
      title: 'Disk free',
      says: 'Share of the disk that is left, by folder. At 3 % messages are soon lost.',
      unit: 'percentunit',
      queries: [['waypost_disk_free_bytes{$i} / waypost_disk_size_bytes{$i}', '{{folder}}']],
      stat: true,
      limits: [0.1, 0.03],
    },
    {
      title: 'Filter subscribers',
      says: 'Peers with a filter subscription: phones that are awake.',
      unit: 'none',
      queries: gauges('waku_filter_subscriptions'),
      stat: true,
    },
  ],
}
