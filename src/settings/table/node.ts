/** Who the node is, where it listens, and how it is reached. */
import { maxSettableMessageBytes } from '../bounds.ts'
import { size } from '../kinds/amount.ts'
import { list } from '../kinds/kind.ts'
import { hostName, ipAddress, ipNetwork, multiaddr, nameServer, nat } from '../kinds/network.ts'
import { bool, filePath, integer, oneOf, port, text } from '../kinds/plain.ts'
import { privateKey } from '../kinds/secret.ts'
import { protectedShard } from '../kinds/waku.ts'
import { setting } from '../row.ts'

/** The presets, which presets.ts fills. */
export const presetNames = ['twn', 'status.prod', 'local'] as const
export type PresetName = (typeof presetNames)[number]

/** The modes, which modes.ts fills. */
export const modeNames = ['core', 'edge'] as const
export type ModeName = (typeof modeNames)[number]

export const node = {
  'data-dir': setting(filePath, 'The folder of the node key, the archive and the known peers. Made when missing.', {
    default: './waypost-data',
    ours: true,
  }),
  preset: setting(oneOf(...presetNames), 'A network by name: settings that hold where nothing else is given.', {
    unset: 'twn on cluster 1, else none',
  }),
  mode: setting(
    oneOf(...modeNames),
    'core: a node for others. edge: a light client, which relays and serves nothing.',
    {
      default: 'core',
      ours: true,
    },
  ),
  'cluster-id': setting(
    integer(0, 0xffff),
    'The cluster. Peers of another are disconnected. On 1, The Waku Network, the preset twn holds.',
    { default: '0' },
  ),
  'max-msg-size': setting(size(1, maxSettableMessageBytes), 'The largest encoded message that is taken or sent.', {
    default: '150KiB',
  }),
  'protected-shard': setting(
    list(protectedShard),
    'A shard whose messages must be signed with a key (in meta), at most 300 s old. Repeatable.',
    { live: true },
  ),
  'agent-string': setting(text, 'What we call ourselves towards peers (identify).', { unset: 'waypost/<version>' }),
  nodekey: setting(
    privateKey,
    'The secp256k1 key of the node. As a flag it is visible in the process list: prefer --nodekey-file.',
    { unset: 'the key in data-dir, made once', nwaku: 'another key at each start' },
  ),
  'listen-address': setting(ipAddress, 'The interface on which TCP and WebSocket listen.', { default: '0.0.0.0' }),
  'tcp-port': setting(port, 'libp2p over TCP.', { default: '60000', shifted: true }),
  'ports-shift': setting(integer(0, 0xffff), 'Added to every port except 0, for several nodes on one machine.', {
    default: '0',
  }),
  nat: setting(
    nat,
    'How the world reaches this node. extip:<ip>: announce this address. upnp: have the router of the local network map the ports. any: as upnp where the node listens on all interfaces or a private one, else as none. pmp: as none, with a warning. none: announce the addresses of the interfaces.',
    { default: 'any' },
  ),
  'ext-multiaddr': setting(list(multiaddr), 'Another address to announce. Repeatable.'),
  'ext-multiaddr-only': setting(bool, 'Announce only the addresses of ext-multiaddr.', { default: 'false' }),
  'dns4-domain-name': setting(hostName, 'The DNS name to announce. Browsers need it for wss.'),
  'dns-addrs-name-server': setting(
    list(nameServer),
    'A name server for discovery by DNS. Names in addresses are for the system to look up. Repeatable.',
    { unset: 'those of the system', nwaku: '1.1.1.1,1.0.0.1' },
  ),
  autonat: setting(
    bool,
    'Have peers that are connected try to dial this node, to know what to announce, and dial back for them (AutoNAT v2).',
    { default: 'true', ours: true },
  ),
  'relay-client': setting(
    bool,
    'For a node that nobody can dial: reserve places with circuit relays among the peers, and be reached through them.',
    { default: 'false' },
  ),
  'circuit-relay': setting(
    bool,
    'Be a circuit relay: peers that nobody can dial are reached through this node, within limits. Not with relay-client.',
    { default: 'true', ours: true },
  ),
  'circuit-relay-reservations': setting(integer(0, 10_000), 'Peers that are reached through this node at the most.', {
    default: '128',
    ours: true,
  }),
  'circuit-relay-data': setting(
    size(1024, 1024 ** 3),
    'Bytes that one relayed connection may carry; it lasts for two minutes at the most.',
    { default: '1MiB', ours: true },
  ),
  'trusted-proxy': setting(
    list(ipNetwork),
    "A reverse proxy or its network: the client's address is taken from its headers, and limits per address do not count it.",
    { ours: true },
  ),
} as const
