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
    {
      title: 'Peers exchanged',
      says: 'Node records given to peers that asked, and received from those that we asked.',
      unit: 'short',
      queries: [
        ['rate(waku_px_peers_sent_total{$i}[$r])', 'given'],
        ['rate(waku_px_peers_received_total{$i}[$r])', 'received'],
      ],
    },
    {
      title: 'Peers to ask for peers',
      says: 'Connected peers that speak peer exchange.',
      unit: 'none',
      queries: gauges('waku_px_peers'),
    },
    {
      title: 'Peer exchange fails',
      says: 'Requests that we refused, and questions of ours that failed or brought records that are none.',
      unit: 'short',
      queries: [
        ['sum by (type) (rate(waku_px_errors_total{$i}[$r]))', 'refused {{type}}'],
        ['sum by (type) (rate(waku_px_client_errors_total{$i}[$r]))', 'asked {{type}}'],
      ],
    },
    {
      title: 'Rendezvous',
      says: 'Requests at our rendezvous point, and peers that we found at those of others.',
      unit: 'short',
      queries: [
        ['rate(libp2p_rendezvous_register_total{$i}[$r])', 'registered'],
        ['rate(libp2p_rendezvous_discover_total{$i}[$r])', 'looked up'],
        ['rate(rendezvousPeerFoundTotal_total{$i}[$r])', 'found'],
      ],
    },
    {
      title: 'Registrations',
      says: 'Registrations at our rendezvous point. It has a bound.',
      unit: 'none',
      queries: gauges('libp2p_rendezvous_registered'),
    },
  ],
}
