/** How peers are found, and mix. */
import { list } from '../kinds/kind.ts'
import { enr, enrTree, peerAddress } from '../kinds/network.ts'
import { bool, integer, port, text } from '../kinds/plain.ts'
import { privateKey } from '../kinds/secret.ts'
import { notYet, refused, setting, without } from '../row.ts'

export const discovery = {
  'dns-discovery': setting(bool, 'Deprecated in nwaku: dns-discovery-url is enough.', {
    default: 'false',
    ...without('dns-discovery-url is enough', 'false'),
  }),
  'dns-discovery-url': setting(list(enrTree), 'A tree of node records in DNS (EIP-1459). Repeatable.'),
  'discv5-discovery': setting(bool, 'Find peers with discv5.', without(notYet, 'false')),
  'discv5-udp-port': setting(port, 'The UDP port of discv5.', { default: '9000', shifted: true, ...without(notYet) }),
  'discv5-bootstrap-node': setting(list(enr), 'A node record to begin with. Repeatable.', without(notYet)),
  'discv5-enr-auto-update': setting(bool, 'Learn our address from what peers see.', {
    default: 'false',
    ...without(notYet, 'false'),
  }),
  'discv5-table-ip-limit': setting(integer(1, 10_000), 'Nodes of one network in the routing table.', {
    default: '10',
    ...without(notYet),
  }),
  'discv5-bucket-ip-limit': setting(integer(1, 10_000), 'Nodes of one network in a bucket of the routing table.', {
    default: '2',
    ...without(notYet),
  }),
  'discv5-bits-per-hop': setting(integer(1, 8), 'Bits by which a lookup comes closer with each hop.', {
    default: '1',
    ...without(notYet),
  }),
  'peer-exchange': setting(bool, 'Tell peers that ask of others that were found.', { default: 'true' }),
  'peer-exchange-node': setting(
    list(peerAddress),
    'A peer to ask for others, when nobody is known any more. Repeatable.',
    { live: true },
  ),
  rendezvous: setting(bool, 'Find other relays and be found by rendezvous; a relay is a rendezvous point too.', {
    default: 'true',
  }),
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
