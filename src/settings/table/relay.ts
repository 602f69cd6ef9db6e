/** Relay, its shards, and RLN. */
import { list } from '../kinds/kind.ts'
import { bool, count, filePath, integer, text } from '../kinds/plain.ts'
import { password, serviceUrl } from '../kinds/secret.ts'
import { contentTopic } from '../kinds/waku.ts'
import { refused, setting, without } from '../row.ts'

export const relay = {
  relay: setting(bool, 'Relay messages. Without it the node is an edge node: it serves and asks, but routes nothing.', {
    default: 'true',
  }),
  'unsafe-relay-without-rln': setting(
    bool,
    'Relay on The Waku Network although this version does not check RLN proofs: other nodes may drop us as a spammer.',
    { default: 'false', ours: true },
  ),
  'relay-peer-exchange': setting(bool, 'Name other peers when leaving a gossip mesh.', {
    default: 'false',
    ...without('peers from gossip are not verified, so none are sent or taken', 'false'),
  }),
  'relay-shard-manager': setting(bool, 'Keep relay peers for each shard (experimental in nwaku).', {
    default: 'false',
    ...without('relay peers are always kept shard by shard', 'false'),
  }),
  'num-shards-in-network': setting(
    integer(0, 1024),
    'Shards of the network, over which content topics are spread (autosharding). 0: static sharding.',
    { default: '1' },
  ),
  shard: setting(list(integer(0, 1023)), 'A shard to follow. Repeatable.', {
    optional: true,
    unset: 'autosharding: all; static sharding: none',
  }),
  'content-topic': setting(
    // A content topic begins with a slash, so a comma in a topic's name does not divide.
    list(contentTopic, /,(?=\s*\/)/),
    'A content topic whose shard is followed (autosharding). Repeatable.',
  ),
} as const

const noRln = 'RLN is not in this version yet'

export const rln = {
  'rln-relay': setting(bool, 'Check and attach RLN proofs.', {
    default: 'false',
    ...refused(`${noRln}: a node that ignored it would relay what the network calls spam`, 'false'),
  }),
  'rln-relay-cred-path': setting(filePath, 'The keystore with the RLN membership.', without(noRln)),
  'rln-relay-cred-password': setting(password, 'The password of the keystore.', without(noRln)),
  'rln-relay-eth-client-address': setting(list(serviceUrl), 'An Ethereum JSON-RPC endpoint. Repeatable.', {
    nwaku: 'http://localhost:8540/',
    ...without(noRln),
  }),
  'rln-relay-eth-contract-address': setting(text, 'The membership contract.', without(noRln)),
  'rln-relay-chain-id': setting(count(0), 'The chain of the contract; 0 asks the endpoint.', {
    default: '0',
    ...without(noRln),
  }),
  'rln-relay-eth-private-key': setting(password, 'The key that pays for a registration.', without(noRln)),
  'rln-relay-user-message-limit': setting(count(0), 'Messages in an epoch to register for.', {
    default: '1',
    ...without(noRln),
  }),
  'rln-relay-epoch-sec': setting(count(1), 'Length of an epoch, in seconds.', { default: '1', ...without(noRln) }),
  'rln-relay-membership-index': setting(count(0), 'Which membership of the contract is ours.', without(noRln)),
  'rln-relay-dynamic': setting(bool, 'Follow the memberships of the contract.', {
    default: 'false',
    ...without(noRln, 'false'),
  }),
} as const
