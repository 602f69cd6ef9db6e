/**
 * What the dashboard shows, row by row: `npm run docs` makes deploy/grafana/dashboards/waypost.json of it. Every metric has
 * a place here, and the first row is what one looks at first.
 *
 * In a query `$i` selects the instances chosen on top of the page, and `$r` is the time over which a rate is taken.
 */

/** Units by Grafana's names. */
type Unit =
  | 'bytes'
  | 'Bps'
  | 'bps'
  | 's'
  | 'short'
  | 'percentunit'
  | 'reqps'
  | 'mps'
  | 'dateTimeFromNow'
  | 'none'
  | 'kbytes'

export interface Panel {
  readonly title: string
  /** What it means, and when to worry. */
  readonly says: string
  readonly unit: Unit
  /** Each with how its lines are named. */
  readonly queries: readonly (readonly [expression: string, legend: string])[]
  /** A number in place of a graph. */
  readonly stat?: true
  /** Green below the first, orange above it, red above the second; the other way round when they fall. */
  readonly limits?: readonly [orange: number, red: number]
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

/** The 50th and the 99th percentile of a histogram. */
function percentiles(histogram: string, by?: string): Panel['queries'] {
  const groups = by === undefined ? 'le' : `le, ${by}`
  const name = by === undefined ? '' : `{{${by}}} `
  return [0.5, 0.99].map((quantile) => [
    `histogram_quantile(${quantile}, sum by (${groups}) (rate(${histogram}_bucket{$i}[$r])))`,
    `${name}p${quantile * 100}`,
  ])
}

/** How often each value of a label was counted, in a second. */
function rates(counter: string, ...by: string[]): Panel['queries'] {
  const legend = by.map((label) => `{{${label}}}`).join(' ')
  return [[`sum by (${['instance', ...by].join(', ')}) (rate(${counter}{$i}[$r]))`, legend || '{{instance}}']]
}

function gauges(gauge: string, legend = '{{instance}}'): Panel['queries'] {
  return [[`${gauge}{$i}`, legend]]
}

const atAGlance: Row = {
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
      says: '1 while the archive takes no messages since its disk or database failed.',
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

const network: Row = {
  title: 'Peers and network',
  panels: [
    {
      title: 'Connections',
      says: 'Open connections, by who dialled.',
      unit: 'none',
      queries: gauges('waypost_connections', '{{direction}}'),
    },
    {
      title: 'Peers by protocol',
      says: 'Connected peers by the protocols that they speak.',
      unit: 'none',
      queries: gauges('waku_connected_peers', '{{direction}} {{protocol}}'),
    },
    {
      title: 'Peers that serve',
      says: 'Connected peers that we could ask for history, filter, light push.',
      unit: 'none',
      queries: [
        ['waku_store_peers{$i}', 'store'],
        ['waku_filter_peers{$i}', 'filter'],
        ['waku_lightpush_peers{$i}', 'light push'],
      ],
    },
    {
      title: 'Peers by program',
      says: 'Connected peers by what they say they run.',
      unit: 'none',
      queries: gauges('waku_connected_peers_per_agent', '{{agent}}'),
    },
    {
      title: 'Peers remembered',
      says: 'Peers that are kept in memory, connected or not. It has a bound.',
      unit: 'none',
      queries: gauges('waku_peer_store_size'),
    },
    {
      title: 'Traffic of sockets',
      says: 'Bytes over the sockets of peers, as the system counts them.',
      unit: 'Bps',
      queries: rates('libp2p_network_bytes_total', 'direction'),
    },
    {
      title: 'Open streams',
      says: 'Streams by muxer and by who opened them. A line that only rises is a leak.',
      unit: 'none',
      queries: gauges('libp2p_open_streams', '{{type}} {{dir}}'),
    },
    {
      title: 'Streams by protocol',
      says: 'Open streams of the protocols of Waku.',
      unit: 'none',
      queries: gauges('waku_streams_peers', '{{direction}} {{protocol}}'),
    },
    {
      title: 'Dials',
      says: 'Dials begun, and how they ended. Many failures: addresses that lead nowhere.',
      unit: 'short',
      queries: [
        ['rate(libp2p_total_dial_attempts_total{$i}[$r])', 'begun'],
        ['rate(libp2p_successful_dials_total{$i}[$r])', 'connected'],
        ['rate(libp2p_failed_dials_total{$i}[$r])', 'failed'],
      ],
    },
    {
      title: 'Dials of named peers',
      says: 'How dials of peers named in the settings ended.',
      unit: 'short',
      queries: rates('waku_peers_dials_total', 'outcome'),
    },
    {
      title: 'Refused by guards',
      says: 'Connections closed by a guard, by which. docs/security.md says what each stands against.',
      unit: 'short',
      queries: rates('waypost_connections_refused_total', 'guard'),
    },
    {
      title: 'Peers of other clusters',
      says: 'Peers that were disconnected since they belong to another cluster.',
      unit: 'short',
      queries: rates('waypost_foreign_peers_total'),
    },
    {
      title: 'Certificate ends',
      says: 'When the certificate for secure WebSocket ends. Browsers cannot connect after that.',
      unit: 'dateTimeFromNow',
      queries: [['waypost_certificate_expiry_timestamp_seconds{$i} * 1000', '{{instance}}']],
      stat: true,
    },
    {
      title: 'Clock',
      says: 'The clock against the monotonic clock, and against those of senders. At 20 s messages are not stored.',
      unit: 's',
      queries: [
        ['waypost_clock_step_seconds{$i}', 'set by'],
        ['waypost_clock_offset_seconds{$i}', 'behind senders'],
      ],
    },
    {
      title: 'Faults of the node',
      says: 'Pings without an answer, and valid messages that could not be handed on: the second is a fault of Waypost.',
      unit: 'short',
      queries: rates('waku_node_errors_total', 'type'),
    },
  ],
}

const relay: Row = {
  title: 'Relay by shard',
  panels: [
    {
      title: 'Messages by source',
      says: 'Valid messages a second, by the way they came.',
      unit: 'mps',
      queries: rates('waku_node_messages_total', 'type'),
    },
    {
      title: 'Mesh',
      says: 'Peers in the gossip mesh of a shard: 4 to 8 are good, at 0 the shard is cut off.',
      unit: 'none',
      queries: gauges('waku_relay_mesh_peers', 'shard {{shard}}'),
    },
    {
      title: 'Peers that follow',
      says: 'Connected peers that follow a shard.',
      unit: 'none',
      queries: gauges('waku_connected_peers_per_shard', 'shard {{shard}}'),
    },
    {
      title: 'Bytes of messages',
      says: 'Gross is all that came, duplicates too; net is what was valid; out counts once for each peer.',
      unit: 'Bps',
      queries: [
        [
          'sum by (topic, type, direction) (rate(waku_relay_network_bytes_total{$i}[$r]))',
          '{{topic}} {{type}} {{direction}}',
        ],
      ],
    },
    {
      title: 'Verdicts',
      says: 'What validation said of messages from gossip. A peer that sends what is rejected loses its score.',
      unit: 'mps',
      queries: rates('waypost_relay_verdicts_total', 'result'),
    },
    {
      title: 'Validation',
      says: 'The same verdicts, under the names that nim-libp2p gives them.',
      unit: 'mps',
      queries: [
        ['rate(libp2p_pubsub_validation_success_total{$i}[$r])', 'success'],
        ['rate(libp2p_pubsub_validation_ignore_total{$i}[$r])', 'ignore'],
        ['rate(libp2p_pubsub_validation_failure_total{$i}[$r])', 'failure'],
      ],
    },
    {
      title: 'Protected shards',
      says: 'Verdicts on messages of shards whose messages must be signed.',
      unit: 'mps',
      queries: rates('waku_msg_validator_signed_outcome_total', 'result'),
    },
    {
      title: 'Size of messages',
      says: 'Payload of valid messages in kilobytes.',
      unit: 'kbytes',
      queries: [
        ...percentiles('waku_histogram_message_size'),
        ['rate(waku_histogram_message_size_sum{$i}[$r]) / rate(waku_histogram_message_size_count{$i}[$r])', 'mean'],
      ],
    },
    {
      title: 'Bytes by shard',
      says: 'Payload that each shard has carried since the start.',
      unit: 'bytes',
      queries: gauges('waku_relay_total_msg_bytes_per_shard', 'shard {{shard}}'),
    },
    {
      title: 'Size by shard',
      says: 'The largest and the mean payload of each shard since the start.',
      unit: 'bytes',
      queries: [
        ['waku_relay_max_msg_bytes_per_shard{$i}', 'largest, shard {{shard}}'],
        ['waku_relay_avg_msg_bytes_per_shard{$i}', 'mean, shard {{shard}}'],
      ],
    },
    {
      title: 'Topics and relay peers',
      says: 'Pubsub topics that are followed, and peers with a stream for relay.',
      unit: 'none',
      queries: [
        ['libp2p_pubsub_topics{$i}', 'topics'],
        ['libp2p_pubsub_peers{$i}', 'peers'],
      ],
    },
    {
      title: 'Subscriptions',
      says: 'Times that topics were followed and left since the start.',
      unit: 'none',
      queries: [
        ['libp2p_pubsub_subscriptions_total{$i}', 'followed'],
        ['libp2p_pubsub_unsubscriptions_total{$i}', 'left'],
      ],
    },
  ],
}

const archive: Row = {
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
      says: '1 while PostgreSQL takes messages, 0 while they go to the spool; nothing where there is no PostgreSQL.',
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
      title: 'Disk',
      says: 'Bytes that may still be written to the disk of a folder.',
      unit: 'bytes',
      queries: gauges('waypost_disk_free_bytes', '{{folder}}'),
    },
  ],
}

const storeSync: Row = {
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

const filter: Row = {
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

const services: Row = {
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

const rest: Row = {
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

const processRow: Row = {
  title: 'Process',
  panels: [
    {
      title: 'CPU',
      says: 'Cores in use. The event loop is one thread: near 1 it is full.',
      unit: 'none',
      queries: [
        ['rate(process_cpu_seconds_total{$i}[$r])', 'all'],
        ['rate(process_cpu_user_seconds_total{$i}[$r])', 'user'],
        ['rate(process_cpu_system_seconds_total{$i}[$r])', 'system'],
      ],
    },
    {
      title: 'Event loop lag',
      says: 'How late a timer is, 10 ms of which are the measurement. Above 0.2 s everything waits.',
      unit: 's',
      queries: [
        ['nodejs_eventloop_lag_seconds{$i}', 'now'],
        ['nodejs_eventloop_lag_p50_seconds{$i}', 'p50'],
        ['nodejs_eventloop_lag_p99_seconds{$i}', 'p99'],
      ],
      limits: [0.1, 0.2],
    },
    {
      title: 'Garbage collection',
      says: 'Share of the time that goes into garbage collection, by kind.',
      unit: 'percentunit',
      queries: [['rate(nodejs_gc_duration_seconds_sum{$i}[$r])', '{{kind}}']],
    },
    {
      title: 'Memory',
      says: 'Resident is what the machine gives; the log line at the start says what peers can take at the worst.',
      unit: 'bytes',
      queries: [
        ['process_resident_memory_bytes{$i}', 'resident'],
        ['nodejs_heap_size_used_bytes{$i}', 'heap used'],
        ['nodejs_heap_size_total_bytes{$i}', 'heap'],
        ['nodejs_external_memory_bytes{$i}', 'external'],
      ],
    },
    {
      title: 'Virtual memory',
      says: 'Address space: large with Node, and no reason to worry.',
      unit: 'bytes',
      queries: gauges('process_virtual_memory_bytes'),
    },
    {
      title: 'File descriptors',
      says: 'In use, and how many there may be. Each connection takes one.',
      unit: 'none',
      queries: [
        ['process_open_fds{$i}', 'open'],
        ['process_max_fds{$i}', 'limit'],
      ],
    },
  ],
}

export const rows: readonly Row[] = [atAGlance, network, relay, archive, storeSync, filter, services, rest, processRow]
