/** Messages by shard, meshes, verdicts. */
import { gauges, percentiles, type Row, rates } from '../panel.ts'

export const relay: Row = {
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
      queries: [
        ...rates('waypost_relay_verdicts_total', 'result'),
        ['sum by (instance, reason) (rate(waypost_relay_dropped_total{$i}[$r]))', 'dropped: {{reason}}'],
      ],
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
