/**
 * Every metric, once: its name as exposed, its help, its labels with all their values. `docs/metrics.md` is generated
 * from this table.
 *
 * The names `waku_*` are those of nwaku 0.37 as Prometheus sees them (nim-metrics adds `_total` to each counter), so
 * that its dashboards work. What is ours alone is named `waypost_*`. A label never takes a value from the wire.
 */
import { type Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { TalliedCounter } from './tally.ts'

/**
 * The values of a label: a closed list; or `shard` or `topic`, which take the number or the pubsub topic of the shards
 * that this node follows.
 */
type LabelValues = readonly string[] | 'shard' | 'topic'
type Labels = Readonly<Record<string, LabelValues>>

interface Row<Kind extends string, L extends Labels> {
  readonly kind: Kind
  readonly help: string
  readonly labels: L
  readonly buckets?: readonly number[]
}

function counter<const L extends Labels = Record<never, never>>(help: string, labels = {} as L): Row<'counter', L> {
  return { kind: 'counter', help, labels }
}

function gauge<const L extends Labels = Record<never, never>>(help: string, labels = {} as L): Row<'gauge', L> {
  return { kind: 'gauge', help, labels }
}

function histogram<const L extends Labels = Record<never, never>>(
  help: string,
  buckets: readonly number[],
  labels = {} as L,
): Row<'histogram', L> {
  return { kind: 'histogram', help, labels, buckets }
}

/** Seconds: from half a millisecond to the half minute that a slow phone may take. */
const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Milliseconds are the rule, and a client of a busy database waits for a minute at the most. */
const databaseSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** The protocols of Waku, by their ids: nwaku's dashboards select by them. */
export const wakuProtocols = [
  '/vac/waku/relay/2.0.0',
  '/vac/waku/store-query/3.0.0',
  '/vac/waku/store/2.0.0-beta4',
  '/vac/waku/filter-subscribe/2.0.0-beta1',
  '/vac/waku/filter-push/2.0.0-beta1',
  '/vac/waku/lightpush/3.0.0',
  '/vac/waku/lightpush/2.0.0-beta1',
  '/vac/waku/metadata/1.0.0',
  '/vac/waku/peer-exchange/2.0.0-alpha1',
  '/vac/waku/rendezvous/1.0.0',
  '/vac/waku/reconciliation/1.0.0',
  '/vac/waku/transfer/1.0.0',
] as const
export type WakuProtocol = (typeof wakuProtocols)[number]

/** Those that somebody asks, or is pushed to, on a stream of its own. */
const services = [...wakuProtocols.slice(1), '/logos/kad/1.0.0']

/** Programs that peers say they are. */
export const agents = ['waypost', 'nwaku', 'logos-delivery', 'go-waku', 'js-waku', 'js-libp2p', 'other'] as const
export type Agent = (typeof agents)[number]

/** The groups of REST routes; `none` is for paths that no route has. */
const restGroups = [
  'health',
  'debug',
  'overview',
  'relay',
  'lightpush',
  'filter',
  'store',
  'admin',
  'reference',
  'archive',
  'page',
  'none',
] as const

/** What became of a packet that came for discv5. */
const discv5Outcomes = ['read', 'challenged', 'handshake', 'limited', 'malformed', 'stray', 'failed'] as const
export type Discv5Outcome = (typeof discv5Outcomes)[number]

const directions = ['in', 'out'] as const
const folders = ['data', 'archive'] as const
const outcomes = ['accept', 'ignore', 'reject'] as const
const filterRequests = ['SUBSCRIBER_PING', 'SUBSCRIBE', 'UNSUBSCRIBE', 'UNSUBSCRIBE_ALL'] as const
const requestErrors = ['decode', 'too_large', 'timeout', 'closed', 'internal'] as const

/** What the peer manager decides of a peer. */
export const peerDecisions = ['dialled', 'not reached', 'forgotten', 'parted'] as const

/** Ways to find peers, in the order in which a node comes to them. */
export const peerSources = ['dns', 'discv5', 'peer-exchange', 'rendezvous', 'kad', 'persisted', 'connected'] as const

const table = {
  waku_version: gauge('Set to 1 when the node has started; the label says which version runs.', { version: [] }),
  waku_node_messages_total: counter('Messages that passed validation, by how they came.', {
    type: ['relay', 'lightpush', 'rest', 'sync'],
  }),
  waku_node_errors_total: counter('Failures of the node itself, by kind.', {
    type: ['keep_alive_failure', 'delivery'],
  }),
  waku_histogram_message_size: histogram(
    'Payload size of valid messages, in kilobytes of 1000 bytes.',
    [0, 1, 3, 5, 15, 50, 75, 100, 125, 150, 500, 700, 1000],
  ),

  waypost_clock_step_seconds: gauge(
    'How far the clock was set since the start, against the monotonic clock. Changes when somebody sets it.',
  ),
  waypost_clock_offset_seconds: gauge(
    'Median over recent messages: the clock of the sender less ours. Behind is positive; NaN when there are too few.',
  ),
  waypost_disk_free_bytes: gauge('Bytes that we may still write to the disk of a folder.', { folder: folders }),
  waypost_disk_size_bytes: gauge('Bytes of the disk of a folder, used or not.', { folder: folders }),

  waku_connected_peers: gauge('Connected peers that speak a protocol, by who dialled.', {
    direction: ['In', 'Out'],
    protocol: wakuProtocols,
  }),
  waku_streams_peers: gauge('Open streams of a protocol, by who opened them.', {
    direction: ['In', 'Out'],
    protocol: wakuProtocols,
  }),
  waku_store_peers: gauge('Connected peers that can be asked for history.'),
  waku_filter_peers: gauge('Connected peers that serve filter.'),
  waku_lightpush_peers: gauge('Connected peers that serve light push.'),
  waku_connected_peers_per_agent: gauge('Connected peers by the program that they say they are.', { agent: agents }),
  waku_peer_store_size: gauge('Peers remembered: those connected, and those met or heard of before.'),
  waku_peers_dials_total: counter('Dials that ended, by how.', { outcome: ['successful', 'failed', 'timed out'] }),
  waypost_missing_peers: gauge(
    'Peers that are wanted and not there: the most that any shard, or any service that this node uses, lacks.',
  ),
  waypost_peer_decisions_total: counter('Decisions of the peer manager.', { decision: peerDecisions }),
  waypost_found_peers_total: counter('Peers taken into the pool of those that may be dialled, by who told of them.', {
    source: peerSources,
  }),
  waypost_pool_peers: gauge('Peers in the pool of those that were found and may be dialled.'),
  waku_connected_peers_per_shard: gauge('Connected peers that follow a shard.', { shard: 'shard' }),
  waku_dnsdisc_discovered: gauge('Node records in the trees in DNS, as they were read last.'),
  waku_dnsdisc_errors_total: counter('Trees in DNS that could not be read whole, and records in them that are none.', {
    type: ['tree_sync_failure', 'peer_info_failure'],
  }),
  waku_px_peers: gauge('Connected peers that can be asked for other peers.'),
  waku_px_peers_sent_total: counter('Node records given to peers that asked for others.'),
  waku_px_errors_total: counter('Requests for peers that were refused, by kind.', {
    type: ['decode_rpc_failure', 'request_limit_reached_failure', 'px_failure'],
  }),
  waku_px_peers_received_total: counter('Node records received from peers that we asked for others.'),
  waku_px_client_errors_total: counter(
    'Questions for peers that failed, and records in answers that are none, by kind.',
    {
      type: ['dial_failure', 'decode_rpc_failure', 'px_failure', 'bad_record'],
    },
  ),
  libp2p_rendezvous_register_total: counter(
    'Registrations that peers asked for at our rendezvous point, renewals too.',
  ),
  libp2p_rendezvous_discover_total: counter('Look-ups at our rendezvous point.'),
  libp2p_rendezvous_registered: gauge('Registrations at our rendezvous point, after the last change.'),
  rendezvousPeerFoundTotal_total: counter('Peers found at the rendezvous points of others.'),
  libp2p_peers: gauge('Peers with at least one open connection.'),
  libp2p_network_bytes_total: counter('Bytes over the sockets of peers, as the system counts them.', {
    direction: directions,
  }),
  libp2p_open_streams: gauge('Open streams, by muxer and by who opened them.', {
    type: ['yamux', 'mplex', 'webrtc'],
    dir: directions,
  }),
  libp2p_total_dial_attempts_total: counter('Dials begun, one for each address that was tried.'),
  libp2p_successful_dials_total: counter('Dials that ended in a connection with the peer that was meant.'),
  libp2p_failed_dials_total: counter('Dials that failed, at the socket or while the peer proved who it is.'),
  libp2p_pubsub_topics: gauge('Pubsub topics that this node is subscribed to.'),
  libp2p_pubsub_peers: gauge('Peers that speak relay and have a stream open for it.'),
  libp2p_pubsub_subscriptions_total: counter('Times that this node subscribed to a pubsub topic.'),
  libp2p_pubsub_unsubscriptions_total: counter('Times that this node unsubscribed from a pubsub topic.'),
  libp2p_pubsub_validation_success_total: counter('Messages from gossip that were accepted.'),
  libp2p_pubsub_validation_ignore_total: counter('Messages from gossip that were dropped without blame.'),
  libp2p_pubsub_validation_failure_total: counter('Messages from gossip that were rejected.'),
  waypost_connections: gauge('Open connections, by who dialled.', { direction: ['inbound', 'outbound'] }),
  waypost_connections_refused_total: counter('Connections closed by a guard, by which; docs/security.md says why.', {
    guard: [
      'full',
      'per_address',
      'per_subnet',
      'pending',
      'idle',
      'frame',
      'websocket',
      'handshake',
      'streams',
      'memory',
    ],
  }),

  waypost_port_mappings: gauge('Ports that the router maps to this node by UPnP; absent when --nat does not ask it.'),
  waypost_reachability: gauge(
    'Whether others can dial this node: Set to 1 at what peers found when they tried, unknown before that.',
    { state: ['unknown', 'public', 'private'] },
  ),

  waypost_autonat_requests_total: counter(
    'Wishes of peers that we dial them back (AutoNAT v2), and what became of them.',
    {
      outcome: ['allowed', 'refused'],
    },
  ),
  waypost_circuit_peers: gauge('Peers that hold a reservation with this node, to be dialled through it.'),
  waypost_circuit_requests_total: counter(
    'Wishes around circuit relays: to reserve a place with us, to connect through us, to bring somebody to us.',
    { request: ['reserve', 'connect', 'accept'], outcome: ['allowed', 'refused'] },
  ),

  waypost_foreign_peers_total: counter('Peers of another cluster that were disconnected after saying so.'),

  waku_discv5_discovered_per_shard: gauge('Nodes that discv5 found since the start, by the shards that they follow.', {
    shard: 'shard',
  }),
  waku_discv5_errors_total: counter('Records from discv5 that do not parse, or say nothing of shards.', {
    type: ['ParseFailure', 'NoShardInfo'],
  }),
  routing_table_nodes: gauge('Nodes in the routing table of discv5: each has answered.'),
  waypost_discv5_sessions: gauge('Sessions of discv5 kept, of nodes that come and go.'),
  waypost_kad_nodes: gauge('Nodes in the routing table of Kademlia: each has answered.'),
  waypost_kad_records: gauge('Records of other peers kept for the DHT.'),
  waypost_discv5_packets_total: counter(
    'Packets that came for discv5, by outcome: a message or handshake read, a stranger challenged, over a limit, malformed, asked for by nobody.',
    { outcome: discv5Outcomes },
  ),

  waku_relay_network_bytes_total: counter(
    'Bytes of relayed messages: gross is all that came, net is what was valid; out is once for each peer it went to.',
    { topic: 'topic', type: ['gross', 'net'], direction: directions },
  ),
  waku_relay_total_msg_bytes_per_shard: gauge('Payload bytes of valid messages since the start.', { shard: 'shard' }),
  waku_relay_max_msg_bytes_per_shard: gauge('Payload bytes of the largest valid message.', { shard: 'shard' }),
  waku_relay_avg_msg_bytes_per_shard: gauge('Payload bytes of a valid message, the mean since the start.', {
    shard: 'shard',
  }),
  waku_relay_mesh_peers: gauge('Peers in the gossip mesh of a shard.', { shard: 'shard' }),
  waypost_relay_verdicts_total: counter('Verdicts on messages from gossip.', { result: outcomes }),
  waypost_relay_dropped_total: counter(
    'Gossip frames and messages that were dropped: a peer reads too slowly (queue), or too many wait to be judged (validation).',
    { reason: ['queue', 'validation'] },
  ),
  waku_msg_validator_signed_outcome_total: counter('Verdicts on messages of protected shards.', {
    result: ['Accept', 'Reject'],
  }),

  waku_service_requests_total: counter('Requests at the rate limiter of a service.', {
    service: services,
    state: ['served', 'rejected'],
  }),
  waku_service_network_bytes_total: counter('Bytes of requests and answers of a service.', {
    service: services,
    direction: directions,
  }),
  waku_service_request_handling_duration_seconds: histogram(
    'Time from a complete request to its answer written.',
    seconds,
    { service: services },
  ),
  waypost_service_errors_total: counter('Requests that ended without a proper answer, by reason.', {
    service: services,
    reason: requestErrors,
  }),

  waypost_certificate_expiry_timestamp_seconds: gauge(
    'When the certificate for secure WebSocket ends, in seconds since 1970; absent without one.',
  ),
  waypost_acme_failures: gauge(
    'Times in a row that no certificate came of an order; 0 while all is well, absent without --acme-domain or --auto-tls.',
  ),
  waypost_rest_requests_total: counter('REST requests answered, by group of routes and class of status.', {
    group: restGroups,
    status: ['2xx', '3xx', '4xx', '5xx'],
  }),
  waypost_rest_request_duration_seconds: histogram('Time from a REST request read to its answer made.', seconds, {
    group: restGroups,
  }),

  waku_store_queries_total: counter('Store queries received.'),
  waku_store_time_seconds: gauge('Seconds of the last store query, in the archive and until its answer was taken.', {
    phase: ['query-db-time', 'send-store-resp-time'],
  }),
  waku_store_errors_total: counter('Store queries answered with an error, by kind.', {
    type: ['decode_rpc_failure', 'bad_request', 'unavailable', 'rate_limit'],
  }),
  waku_legacy_store_queries_total: counter('Store queries of version 2 received.'),
  waku_legacy_store_errors_total: counter('Store queries of version 2 answered with an error, by kind.', {
    type: ['decode_rpc_failure_legacy', 'bad_request_legacy', 'unavailable_legacy', 'rate_limit_legacy'],
  }),
  waku_archive_messages: gauge('Messages in the archive.', { type: ['stored'] }),
  waku_archive_messages_per_shard: gauge('Messages put into the archive since the start.', { shard: 'shard' }),
  waku_archive_errors_total: counter('Messages or retention runs that the archive could not serve, by reason.', {
    type: ['invalid_message_too_old', 'invalid_message_future_timestamp', 'insert_failure', 'retpolicy_failure'],
  }),
  waku_archive_insert_duration_seconds: histogram(
    'Time from the first message of a group commit to its sync to disk.',
    databaseSeconds,
  ),
  waku_archive_query_duration_seconds: histogram('Time of a query inside the archive.', databaseSeconds),
  waypost_archive_commit_messages: histogram(
    'Messages in one group commit.',
    [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
  ),
  waypost_archive_stored_bytes: gauge('Bytes of the messages in the archive, as retention by size counts them.'),
  waypost_archive_pending_messages: gauge('Messages that wait for their group commit.'),
  waypost_archive_dropped_messages_total: counter('Messages from gossip not stored, by reason.', {
    reason: ['queue_full', 'failed'],
  }),
  waypost_archive_damaged_messages_total: counter('Stored messages found damaged by a query, and not served.'),
  waypost_archive_lost_messages: gauge(
    'Messages that were acknowledged and are not in the archive any more; not zero: the disk lost or damaged files.',
  ),
  waypost_archive_degraded: gauge(
    'Set to 1 while the archive takes no messages (its disk or database failed, its disk is nearly full), or cannot read a part of what it holds (a file is damaged).',
  ),
  waypost_archive_database_up: gauge(
    'Set to 1 while the PostgreSQL of the archive takes messages, to 0 while they go to the spool; for a replica, while queries go to it or, as it is away or behind, to the primary. Absent without one.',
    { database: ['postgres', 'replica'] },
  ),
  waypost_archive_replica_lag_seconds: gauge(
    'How long the primary has had what its replica lacks, looked at each second; 0 also without a replica.',
  ),
  waypost_archive_spool_messages: gauge('Messages on the disk of this node that wait for the database.'),
  waypost_archive_spool_bytes: gauge('Bytes of the messages on the disk of this node that wait for the database.'),
  waypost_archive_spool_used_ratio: gauge(
    'Part of the spool that is taken, of its bytes or its messages, whichever is more; at 1 messages are not stored any more.',
  ),
  waypost_archive_spooled_messages_total: counter('Messages acknowledged from the spool since the database was away.'),
  waypost_archive_pruned_messages_total: counter('Messages deleted by the retention policy.'),

  reconciliation_roundtrips: histogram(
    'Turns of the other side in one reconciliation of stores.',
    [1, 2, 3, 5, 8, 13, 21],
  ),
  reconciliation_differences: histogram(
    'Messages that one of two stores had and the other had not, found by one reconciliation.',
    [0, 10, 50, 100, 500, 1000, 5000, 50_000],
  ),
  total_bytes_exchanged_total: counter('Bytes of store sync.', {
    protocol: ['reconciliation', 'transfer'],
    direction: ['sent', 'receive'],
  }),
  total_transfer_messages_exchanged_total: counter('Messages of store sync.', { direction: ['sent', 'receive'] }),
  total_messages_cached: gauge('Messages in the window of store sync that this node knows to have stored.'),
  waypost_sync_refused_messages_total: counter('Messages of store sync not taken, by reason.', {
    reason: ['no_session', 'malformed', 'foreign', 'time', 'invalid', 'not_stored'],
  }),

  waku_filter_requests_total: counter('Filter requests received, by kind.', { type: filterRequests }),
  waku_filter_errors_total: counter('Filter requests refused and pushes that failed, by kind.', {
    type: ['decode_rpc_failure', 'bad_request', 'not_found', 'unavailable', 'push_timeout_failure', 'push_failure'],
  }),
  waku_filter_subscriptions: gauge('Peers with a filter subscription.'),
  waku_filter_request_duration_seconds: histogram('Time to do what a filter request asks.', seconds, {
    type: filterRequests,
  }),
  waypost_filter_criteria: gauge('Pairs of pubsub and content topic over all filter subscriptions.'),
  waypost_filter_pushes_total: counter('Messages handed to the stream of a filter subscriber.'),
  waypost_filter_dropped_total: counter(
    'Messages not pushed: the queue of a subscriber was full, or the subscriber was not to be reached.',
  ),
  waku_filter_handle_message_duration_seconds: histogram('Time to queue one message for all its subscribers.', seconds),

  waku_lightpush_messages_total: counter('Light push requests of version 2.', { type: ['PushRequest'] }),
  waku_lightpush_v3_messages_total: counter('Light push requests of version 3.', { type: ['PushRequest'] }),
  waku_lightpush_v3_errors_total: counter('Light push requests of version 3 answered with an error, by status.', {
    type: ['400', '413', '420', '421', '429', '500', '503', '504', '505'],
  }),
  waku_lightpush_errors_total: counter('Light push requests of version 2 answered with an error, by kind.', {
    type: [
      'decode_rpc_failure',
      'empty_request_body_failure',
      'message_push_failure',
      'not_published_to_any_peer',
      'request_limit_reached_failure',
    ],
  }),
} as const satisfies Record<string, Row<'counter' | 'gauge' | 'histogram', Labels>>

type Table = typeof table
type LabelName<R> = R extends Row<string, infer L> ? Extract<keyof L, string> : never
type Metric<R> = R extends { kind: 'counter' }
  ? TalliedCounter<LabelName<R>>
  : R extends { kind: 'gauge' }
    ? Gauge<LabelName<R>>
    : Histogram<LabelName<R>>

/** All metrics of one node, by name, and the registry that a scrape reads. */
export type Metrics = { readonly [Name in keyof Table]: Metric<Table[Name]> } & { readonly registry: Registry }

/** The table itself, for the reference page and its test. */
export const metricTable: Readonly<Record<string, Row<string, Labels>>> = table

export interface MetricsOptions {
  /** What stands for `waku` in the names: `logos_delivery` for the dashboards of newer nodes. */
  readonly prefix?: string
  /** Also process and Node.js metrics. Off in tests, which make many nodes in one process. */
  readonly processMetrics?: boolean
}

/** Metrics of one node, in a registry of their own. */
export function createMetrics({ prefix = 'waku', processMetrics = false }: MetricsOptions = {}): Metrics {
  const registry = new Registry()
  const metrics: Record<string, unknown> = { registry }
  for (const [name, row] of Object.entries(metricTable))
    metrics[name] = create(name.replace(/^waku_/, `${prefix}_`), row, registry)
  if (processMetrics) collectProcessMetrics(registry)
  // Built from the table row by row, so it has the table's shape.
  return metrics as unknown as Metrics
}

/** Seconds of a garbage collection: what is above the tenth is felt. */
const gcSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]

/** What prom-client tells of the process, as far as it has a unit, a closed label set and somebody who looks at it. */
export const processMetricNames: ReadonlySet<string> = new Set([
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_virtual_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_p50_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
  'nodejs_gc_duration_seconds',
])

function collectProcessMetrics(registry: Registry): void {
  const ours = new Set(registry.getMetricsAsArray().map(({ name }) => name))
  collectDefaultMetrics({ register: registry, gcDurationBuckets: gcSeconds })
  for (const { name } of registry.getMetricsAsArray())
    if (!ours.has(name) && !processMetricNames.has(name)) registry.removeSingleMetric(name)
}

function create(name: string, { kind, help, labels, buckets }: Row<string, Labels>, registry: Registry): unknown {
  const options = { name, help, labelNames: Object.keys(labels), registers: [registry] }
  if (kind === 'counter') return zeroed(new TalliedCounter(options), labels)
  if (kind === 'gauge') return new Gauge(options)
  return new Histogram({ ...options, buckets: [...(buckets ?? [])] })
}

/** Every series of a counter from the start, or the first event of a kind would be no increase to who reads the rates. */
function zeroed(metric: Counter, labels: Labels): Counter {
  for (const values of combinations(labels)) metric.inc(values, 0)
  return metric
}

/** All values of `labels` with each other; none when one of them is not a closed list. */
function combinations(labels: Labels): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (some, [label, values]) =>
      typeof values === 'string' ? [] : some.flatMap((one) => values.map((value) => ({ ...one, [label]: value }))),
    [{}],
  )
}
