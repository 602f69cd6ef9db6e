/** Peers, connections, dials, guards and the clock. */
import { gauges, type Row, rates } from '../panel.ts'

export const network: Row = {
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
      title: 'Dials by outcome',
      says: 'How dials of peers ended, of those named in the settings and of those found.',
      unit: 'short',
      queries: rates('waku_peers_dials_total', 'outcome'),
    },
    {
      title: 'Peers missing',
      says: 'Peers that are wanted and not there. Above 0 for long: nobody to dial is found, or nobody can be reached.',
      unit: 'none',
      queries: gauges('waypost_missing_peers'),
    },
    {
      title: 'Decisions about peers',
      says: 'Whom the peer manager dials, gives up, forgets and parts with. `waypost peers decisions` tells of whom.',
      unit: 'short',
      queries: rates('waypost_peer_decisions_total', 'decision'),
    },
    {
      title: 'Peers found',
      says: 'Peers that were found, by who told of them, those heard of again included.',
      unit: 'short',
      queries: rates('waypost_found_peers_total', 'source'),
    },
    {
      title: 'Peers to dial',
      says: 'Peers found and not forgotten. It has a bound.',
      unit: 'none',
      queries: gauges('waypost_pool_peers'),
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
      title: 'Reached from outside',
      says: 'What peers found when they tried to dial this node, and the ports that the router maps to it.',
      unit: 'none',
      queries: [...gauges('waypost_reachability', '{{state}}'), ...gauges('waypost_port_mappings', 'mapped ports')],
    },
    {
      title: 'Nodes that discv5 knows',
      says: 'Nodes in the routing table, each of which has answered, and sessions kept. No nodes: nobody there, or UDP is blocked.',
      unit: 'none',
      queries: [
        ['routing_table_nodes{$i}', 'nodes'],
        ['waypost_discv5_sessions{$i}', 'sessions'],
      ],
    },
    {
      title: 'Nodes that Kademlia knows',
      says: 'Nodes in the routing table, each of which has answered, and records of other peers kept. No nodes: nobody there, or the DHT is off.',
      unit: 'none',
      queries: [...gauges('waypost_kad_nodes', 'nodes'), ...gauges('waypost_kad_records', 'records')],
    },
    {
      title: 'Nodes found by discv5',
      says: 'Nodes found since the start, by shard.',
      unit: 'none',
      queries: gauges('waku_discv5_discovered_per_shard', 'shard {{shard}}'),
    },
    {
      title: 'Packets of discv5',
      says: 'What became of UDP packets. Much that is limited, malformed or stray: somebody floods us.',
      unit: 'short',
      queries: [...rates('waypost_discv5_packets_total', 'outcome'), ...rates('waku_discv5_errors_total', 'type')],
    },
    {
      title: 'Circuit relay',
      says: 'Peers that are reached through this node, and wishes around that a minute, by what became of them.',
      unit: 'none',
      queries: [...gauges('waypost_circuit_peers', 'reserved'), ...rates('waypost_circuit_requests_total', 'request')],
    },
    {
      title: 'Dials back',
      says: 'Peers that had us dial them, to learn whether others can. Much that is refused: somebody asks too often.',
      unit: 'short',
      queries: rates('waypost_autonat_requests_total', 'outcome'),
    },
    {
      title: 'Certificate ends',
      says: 'When the certificate for secure WebSocket ends. Browsers cannot connect after that.',
      unit: 'dateTimeFromNow',
      queries: [['waypost_certificate_expiry_timestamp_seconds{$i} * 1000', '{{instance}}']],
      stat: true,
    },
    {
      title: 'Certificate orders failed',
      says: 'Orders in a row that failed at the certificate authority (--acme-domain, --auto-tls). The log says why.',
      unit: 'none',
      queries: gauges('waypost_acme_failures'),
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
