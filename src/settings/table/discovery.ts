/** How peers are found, and mix. */
import { list } from '../kinds/kind.ts'
import { enr, enrTree, peerAddress } from '../kinds/network.ts'
import { bool, integer, port, text } from '../kinds/plain.ts'
import { privateKey } from '../kinds/secret.ts'
import { refused, setting, without } from '../row.ts'

export const discovery = {
  'dns-discovery': setting(bool, 'Deprecated in nwaku: dns-discovery-url is enough.', {
    default: 'false',
    ...without('dns-discovery-url is enough', 'false'),
  }),
  'dns-discovery-url': setting(list(enrTree), 'A tree of node records in DNS (EIP-1459). Repeatable.'),
  'discv5-discovery': setting(bool, 'Find peers, and be found, with discv5.', {
    unset: 'off, unless a preset switches it on',
  }),
  'discv5-udp-port': setting(port, 'The UDP port of discv5. 0 takes a free one.', { default: '9000', shifted: true }),
  'discv5-bootstrap-node': setting(list(enr), 'A node record to begin with. Repeatable.'),
  'discv5-enr-auto-update': setting(
    bool,
    'Announce the address at which most nodes see us, unless we have a public one already.',
    { default: 'false' },
  ),
  'discv5-table-ip-limit': setting(
    integer(1, 10_000),
    'Nodes of one network (/24, /48 in IPv6) in the routing table.',
    {
      default: '10',
    },
  ),
  'discv5-bucket-ip-limit': setting(integer(1, 10_000), 'Nodes of one network in a bucket of the routing table.', {
    default: '2',
  }),
  'discv5-bits-per-hop': setting(integer(1, 8), 'Bits by which a lookup comes closer with each hop.', { default: '1' }),
  'peer-exchange': setting(bool, 'Tell peers that ask of others that were found.', { default: 'true' }),
  'peer-exchange-node': setting(
    list(peerAddress),
    'A peer to ask for others, when nobody is known any more. Repeatable.',
    { live: true },
  ),
  rendezvous: setting(bool, 'Find other relays and be found by rendezvous; a relay is a rendezvous point too.', {
    default: 'true',
  }),
  'kad-discovery': setting(bool, "Find peers, and be found, by Vac's extended Kademlia, a draft.", {
    default: 'false',
    ours: true,
  }),
  'kad-bootstrap-node': setting(
    list(peerAddress),
    'A node to begin with, while few are known in the DHT. Repeatable.',
    { ours: true },
  ),
} as const

const noMix = 'mix is not in this version'

export const mix = {
  mix: setting(bool, 'Send through a mix network.', {
    default: 'false',
    ...refused(`${noMix}: messages would go out without the anonymity that was asked for`, 'false'),
  }),
  mixkey: setting(privateKey, 'The key of the mix node.', without(noMix)),
  mixnode: setting(list(text), 'A mix node, <multiaddr>:<key>. Repeatable.', without(noMix)),
} as const
