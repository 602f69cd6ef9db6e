/** Which peers, how many, and what each may hold open. */
import { duration } from '../kinds/amount.ts'
import { list } from '../kinds/kind.ts'
import { peerAddress } from '../kinds/network.ts'
import { bool, count, integer, oneOf } from '../kinds/plain.ts'
import { peerRatio } from '../kinds/policy.ts'
import { setting, without } from '../row.ts'

/** Whose pieces carry messages: ours, or one of the stock ones, or all of them. */
const stackNames = [
  'waypost',
  'stock',
  'stock-transport',
  'stock-secure-channel',
  'stock-muxer',
  'stock-router',
] as const
export type StackName = (typeof stackNames)[number]

export const peers = {
  'max-connections': setting(integer(1, 100_000), 'Open connections at the most.', {
    default: '300',
    nwaku: '50',
    live: true,
  }),
  'max-relay-peers': setting(
    count(0),
    'Deprecated in nwaku: sets relay-service-ratio to this share of max-connections.',
  ),
  'relay-service-ratio': setting(
    peerRatio,
    'The shares of max-connections for relay and for service peers, in percent.',
    { default: '60:40' },
  ),
  'ip-colocation-limit': setting(
    count(0),
    'Connections from one address at the most; above it gossip scores fall too. Loopback and trusted-proxy are free. 0: no limit.',
    { default: '50', nwaku: '5', live: true },
  ),
  'peer-store-capacity': setting(count(1), 'Peers that are remembered at the most.', {
    unset: 'five times max-connections',
  }),
  'peer-persistence': setting(bool, 'Keep the known peers in data-dir over a restart.', {
    default: 'false',
  }),
  staticnode: setting(list(peerAddress), 'A peer to stay connected with. Repeatable.', { live: true }),
  'keep-alive': setting(bool, 'Deprecated in nwaku: connections are always kept alive.', {
    default: 'true',
    ...without('connections are always kept alive', 'true'),
  }),
  'max-pending-connections': setting(
    integer(1, 100_000),
    'Incoming connections that have not proven who they are yet.',
    {
      default: '200',
      ours: true,
      live: true,
    },
  ),
  'open-timeout': setting(
    duration('ms', 100),
    'From an accepted socket to a proven identity, TLS and WebSocket included; then it is closed.',
    { default: '5s', ours: true, live: true },
  ),
  'handshake-timeout': setting(duration('ms', 100), 'Of open-timeout, the part for the secure channel and the muxer.', {
    default: '3s',
    ours: true,
  }),
  'max-streams': setting(integer(1, 10_000), 'Streams that a peer may hold open on one connection.', {
    default: '64',
    ours: true,
  }),
  'max-new-streams': setting(integer(1, 1_000_000), 'Streams that a peer may open on one connection in a second.', {
    default: '1000',
    ours: true,
  }),
  stack: setting(
    list(oneOf(...stackNames)),
    'What carries messages. waypost: our own pieces. stock: js-libp2p as it comes, for all or for one piece, to tell where a fault lies.',
    { default: 'waypost', ours: true },
  ),
} as const
