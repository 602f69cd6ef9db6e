/**
 * What the dashboards of nwaku and nwaku-compose ask for, at their snapshots of December 2025
 * (https://github.com/waku-org/nwaku/tree/master/metrics, nwaku-compose/monitoring/configuration/dashboards): each name with
 * the label sets that its queries select, or why we have no such thing.
 */
type Labels = Readonly<Record<string, string>>

const none: readonly Labels[] = [{}]
const both: readonly Labels[] = [{ direction: 'in' }, { direction: 'out' }]

/** Names that a scrape must have, in any state of the node. */
export const have: Readonly<Record<string, readonly Labels[]>> = {
  process_start_time_seconds: none,
  process_open_fds: none,
  process_resident_memory_bytes: none,
  process_virtual_memory_bytes: none,
  libp2p_peers: none,
  libp2p_network_bytes_total: both,
  libp2p_open_streams: [{ type: 'yamux' }, { type: 'mplex' }],
  libp2p_total_dial_attempts_total: none,
  libp2p_successful_dials_total: none,
  libp2p_failed_dials_total: none,
  libp2p_pubsub_peers: none,
  libp2p_pubsub_topics: none,
  libp2p_pubsub_subscriptions_total: none,
  libp2p_pubsub_unsubscriptions_total: none,
  libp2p_pubsub_validation_success_total: none,
  libp2p_pubsub_validation_ignore_total: none,
  libp2p_pubsub_validation_failure_total: none,
  waku_version: none,
  waku_connected_peers: [
    { direction: 'In', protocol: '/vac/waku/relay/2.0.0' },
    { direction: 'Out', protocol: '/vac/waku/store-query/3.0.0' },
  ],
  waku_streams_peers: [
    { direction: 'In', protocol: '/vac/waku/relay/2.0.0' },
    { direction: 'Out', protocol: '/vac/waku/relay/2.0.0' },
  ],
  waku_connected_peers_per_shard: [{ shard: '1' }],
  waku_connected_peers_per_agent: [{ agent: 'nwaku' }],
  waku_peer_store_size: none,
  waku_store_peers: none,
  waku_filter_peers: none,
  waku_lightpush_peers: none,
  waku_node_messages_total: [{ type: 'relay' }],
  waku_node_errors_total: [{ type: 'keep_alive_failure' }],
  waku_histogram_message_size_bucket: [{ le: '0' }, { le: '1' }, { le: '+Inf' }],
  waku_histogram_message_size_sum: none,
  waku_histogram_message_size_count: none,
  waku_relay_network_bytes_total: [
    { topic: '/waku/2/rs/66/1', type: 'gross', direction: 'in' },
    { topic: '/waku/2/rs/66/1', type: 'net', direction: 'in' },
    { topic: '/waku/2/rs/66/1', type: 'net', direction: 'out' },
  ],
  waku_relay_total_msg_bytes_per_shard: [{ shard: '1' }],
  waku_relay_max_msg_bytes_per_shard: [{ shard: '1' }],
  waku_relay_avg_msg_bytes_per_shard: [{ shard: '1' }],
  waku_service_requests_total: [
    { service: '/vac/waku/store-query/3.0.0', state: 'served' },
    { service: '/vac/waku/store/2.0.0-beta4', state: 'served' },
    { service: '/vac/waku/filter-subscribe/2.0.0-beta1', state: 'served' },
    { service: '/vac/waku/lightpush/2.0.0-beta1', state: 'rejected' },
    { service: '/vac/waku/peer-exchange/2.0.0-alpha1', state: 'served' },
  ],
  waku_service_network_bytes_total: [
    { service: '/vac/waku/store-query/3.0.0', direction: 'in' },
    { service: '/vac/waku/store-query/3.0.0', direction: 'out' },
    { service: '/vac/waku/filter-push/2.0.0-beta1', direction: 'out' },
    { service: '/vac/waku/lightpush/2.0.0-beta1', direction: 'in' },
  ],
  waku_store_queries_total: none,
  waku_store_errors_total: [{ type: 'decode_rpc_failure' }],
  waku_store_time_seconds: [{ phase: 'query-db-time' }, { phase: 'send-store-resp-time' }],
  waku_archive_messages: [{ type: 'stored' }],
  waku_archive_messages_per_shard: [{ shard: '1' }],
  waku_archive_errors_total: [{ type: 'invalid_message_too_old' }, { type: 'insert_failure' }],
  waku_archive_insert_duration_seconds_bucket: [{ le: '+Inf' }],
  waku_archive_query_duration_seconds_bucket: [{ le: '+Inf' }],
  waku_filter_requests_total: [{ type: 'SUBSCRIBE' }, { type: 'SUBSCRIBER_PING' }],
  waku_filter_errors_total: [{ type: 'push_timeout_failure' }],
  waku_filter_subscriptions: none,
  waku_filter_request_duration_seconds_bucket: [{ type: 'SUBSCRIBE', le: '+Inf' }],
  waku_filter_handle_message_duration_seconds_bucket: [{ le: '+Inf' }],
  waku_lightpush_errors_total: [{ type: 'not_published_to_any_peer' }],
}

const noRln = 'RLN is not built'
const noDiscovery = 'peers are not discovered'
const noSync = 'store sync is not built'
const noPostgres = 'the archive has no PostgreSQL'
const ofNim = 'the memory of a Nim program; nodejs_heap_size_used_bytes is ours'
const gone = 'nwaku itself has it no more'
const ofOthers = 'exported by another program beside the node'

/** Names that a scrape must not have, and why. When one of them is built, it moves up. */
export const lack: Readonly<Record<string, string>> = {
  routing_table_nodes: noDiscovery,
  waku_discv5_discovered_per_shard: noDiscovery,
  waku_px_errors_total: 'peer exchange is not built',
  waku_px_peers_sent_total: 'peer exchange is not built',
  libp2p_autonat_reachability_confidence: 'AutoNAT is not used: the operator says what address the node has',
  waku_peers_errors_total: 'peers are not kept on disk, so nothing of that can fail',
  waku_relay_fleet_store_msg_size_bytes: 'a sum of request sizes under a wrong name in nwaku itself',
  waku_relay_fleet_store_msg_count: 'a count of queries under a wrong name in nwaku itself',
  waku_legacy_store_time_seconds: 'store of version 2 has no time of its own',
  waku_legacy_archive_insert_duration_seconds_bucket: 'there is one archive for both versions of store',
  query_count_total: noPostgres,
  query_time_secs: noPostgres,
  reconciliation_differences_bucket: noSync,
  reconciliation_roundtrips_bucket: noSync,
  total_bytes_exchanged_total: noSync,
  total_messages_cached: noSync,
  total_transfer_messages_exchanged_total: noSync,
  waku_rln_invalid_messages_total_total: noRln,
  waku_rln_membership_credentials_import_duration_seconds: noRln,
  waku_rln_membership_insertion_duration_seconds: noRln,
  waku_rln_messages_total_total: noRln,
  waku_rln_number_registered_memberships: noRln,
  waku_rln_proof_generation_duration_seconds: noRln,
  waku_rln_proof_verification_duration_seconds: noRln,
  waku_rln_proof_verification_total_total: noRln,
  waku_rln_remaining_proofs_per_epoch: noRln,
  waku_rln_spam_messages_total_total: noRln,
  waku_rln_total_generated_proofs: noRln,
  waku_rln_valid_messages_total_total: noRln,
  waku_rln_valid_messages_total_count: gone,
  waku_rln_registration_duration_seconds: gone,
  waku_rln_relay_mounting_duration_seconds: gone,
  nim_gc_heap_instance_occupied_bytes: ofNim,
  nim_gc_heap_instance_occupied_summed_bytes: ofNim,
  nim_gc_mem_bytes: ofNim,
  nim_gc_mem_occupied_bytes: ofNim,
  netdata_cpu_cpu_percentage_average: ofOthers,
  netdata_disk_space_GiB_average: ofOthers,
  pg_settings_max_connections: ofOthers,
  pg_stat_activity_count: ofOthers,
  pg_tb_messages_count: ofOthers,
  connected_peers: gone,
  envelopes_dropped_total: gone,
  envelopes_valid_total: gone,
  waku_bridge_transfers_total: gone,
  waku_filter_messages: gone,
  waku_filter_subscribers: gone,
  waku_legacy_filter_errors: gone,
  waku_legacy_filter_messages: gone,
  waku_legacy_filter_subscribers: gone,
  waku_node_filters: gone,
  waku_peer_swap_account_balance_bucket: gone,
  waku_store_insert_duration_seconds_bucket: gone,
  waku_store_messages: gone,
  waku_store_query_duration_seconds_bucket: gone,
  waku_swap_errors: gone,
  waku_swap_peers_count: gone,
}
