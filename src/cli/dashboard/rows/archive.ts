/** Store queries and what is kept. */
import { gauges, percentiles, type Row, rates } from '../panel.ts'

export const archive: Row = {
  title: 'Store and archive',
  panels: [
    {
      title: 'Store requests',
      says: 'Store queries a second, of both versions.',
      unit: 'reqps',
      queries: [
        ...rates('waku_store_queries_total'),
        ['sum by (instance) (rate(waku_legacy_store_queries_total{$i}[$r]))', 'version 2'],
      ],
    },
    {
      title: 'Store errors',
      says: 'Queries answered with an error. Unavailable: the archive could not be read.',
      unit: 'reqps',
      queries: [
        ...rates('waku_store_errors_total', 'type'),
        ['sum by (type) (rate(waku_legacy_store_errors_total{$i}[$r]))', '{{type}}'],
      ],
    },
    {
      title: 'Time of the last query',
      says: 'Seconds in the archive, and until the client had taken the answer.',
      unit: 's',
      queries: gauges('waku_store_time_seconds', '{{phase}}'),
    },
    {
      title: 'Query time',
      says: 'Time of a query inside the archive.',
      unit: 's',
      queries: percentiles('waku_archive_query_duration_seconds'),
    },
    {
      title: 'Commit time',
      says: 'From the first message of a group commit to its sync to disk. Above a second the disk is too slow.',
      unit: 's',
      queries: percentiles('waku_archive_insert_duration_seconds'),
      limits: [0.5, 2],
    },
    {
      title: 'Messages in a commit',
      says: 'Messages that share one sync to disk.',
      unit: 'none',
      queries: percentiles('waypost_archive_commit_messages'),
    },
    {
      title: 'Waiting',
      says: 'Messages that wait for their group commit.',
      unit: 'none',
      queries: gauges('waypost_archive_pending_messages'),
    },
    {
      title: 'Stored by shard',
      says: 'Messages put into the archive since the start.',
      unit: 'short',
      queries: gauges('waku_archive_messages_per_shard', 'shard {{shard}}'),
    },
    {
      title: 'Size of the archive',
      says: 'Bytes of the messages in the archive, as retention by size counts them.',
      unit: 'bytes',
      queries: gauges('waypost_archive_stored_bytes'),
    },
    {
      title: 'Deleted by retention',
      says: 'Messages deleted since they were too old or too many.',
      unit: 'mps',
      queries: rates('waypost_archive_pruned_messages_total'),
    },
    {
      title: 'Refused and failed',
      says: 'Too old and too new: clocks differ. Insert: the disk. Retention: old messages stay.',
      unit: 'mps',
      queries: rates('waku_archive_errors_total', 'type'),
    },
    {
      title: 'Lost',
      says: 'Relayed and not stored, and stored and found damaged. Both should stay at 0.',
      unit: 'mps',
      queries: [
        ...rates('waypost_archive_dropped_messages_total', 'reason'),
        ['rate(waypost_archive_damaged_messages_total{$i}[$r])', 'damaged'],
      ],
      limits: [0.001, 1],
    },
    {
      title: 'Gone',
      says: 'Messages that were acknowledged and are not in the archive any more. Not 0: the disk lost or damaged files.',
      unit: 'short',
      queries: gauges('waypost_archive_lost_messages'),
      limits: [1, 1000],
    },
    {
      title: 'Database',
      says: '1 while PostgreSQL takes messages, 0 while they go to the spool; of a replica, 1 while queries go to it. Nothing where there is no PostgreSQL.',
      unit: 'none',
      queries: gauges('waypost_archive_database_up', '{{database}}'),
    },
    {
      title: 'Spool',
      says: 'Messages on the disk of this node that wait for the database, and how many were acknowledged from there.',
      unit: 'short',
      queries: [
        ['waypost_archive_spool_messages{$i}', 'waiting'],
        ['waypost_archive_spooled_messages_total{$i}', 'spooled since the start'],
      ],
    },
    {
      title: 'Size of the spool',
      says: 'Bytes of the messages that wait for the database.',
      unit: 'bytes',
      queries: gauges('waypost_archive_spool_bytes'),
    },
    {
      title: 'Spool taken',
      says: 'Part of its bounds, of bytes or of messages, whichever is more. At 1 messages are not stored any more.',
      unit: 'percentunit',
      queries: gauges('waypost_archive_spool_used_ratio'),
      limits: [0.5, 0.9],
    },
    {
      title: 'Replica behind',
      says: 'How long the primary has had what its replica lacks. Beyond store-read-max-lag queries go to the primary.',
      unit: 's',
      queries: gauges('waypost_archive_replica_lag_seconds'),
    },
    {
      title: 'Disk',
      says: 'Bytes that may still be written to the disk of a folder.',
      unit: 'bytes',
      queries: gauges('waypost_disk_free_bytes', '{{folder}}'),
    },
  ],
}
