/** Store, filter, light push: what we serve, whom we ask, and how much is served. */
import { diskAmount, duration, size } from '../kinds/amount.ts'
import { list } from '../kinds/kind.ts'
import { peerAddress } from '../kinds/network.ts'
import { bool, integer } from '../kinds/plain.ts'
import { rateLimit, retention } from '../kinds/policy.ts'
import { storeUrl } from '../kinds/waku.ts'
import { notYet, setting, without } from '../row.ts'

const leveldbOnly = 'the archive on LevelDB needs none'

export const store = {
  store: setting(bool, 'Keep messages and answer store queries.', { default: 'false' }),
  'legacy-store': setting(bool, 'Also serve store version 2 (2.0.0-beta4), with --store.', { default: 'false' }),
  storenode: setting(list(peerAddress), 'A peer to stay connected with, and to ask for history. Repeatable.', {
    live: true,
  }),
  'store-message-retention-policy': setting(
    retention,
    'What is kept: time:<seconds or 30d>, capacity:<messages>, size:<n>GB (1024^3), none. Several: whichever deletes more.',
    { default: 'time:172800', live: true },
  ),
  'store-message-db-url': setting(
    storeUrl,
    'Where the archive is. postgres:// is for many nodes with one archive; TLS by ?sslmode=verify-full&sslrootcert=<file>, and as in libpq: disable, prefer (the default), require, verify-ca; sslcert, sslkey. Several hosts are tried in order, with target_session_attrs=read-write until one takes writes. sqlite:// of nwaku opens the LevelDB archive when there is no such file.',
    { unset: 'LevelDB in data-dir', nwaku: 'sqlite://store.sqlite3' },
  ),
  'store-message-db-vacuum': setting(bool, 'Vacuum SQLite at the start.', {
    default: 'false',
    ...without(leveldbOnly, 'false'),
  }),
  'store-message-db-migration': setting(bool, 'Bring the archive to the present schema at the start.', {
    default: 'true',
    ...without('the archive is always brought to the present schema', 'true'),
  }),
  'store-read-url': setting(
    storeUrl,
    'A replica of the PostgreSQL archive to answer queries from, as postgres://; the primary helps out when it cannot.',
    { unset: 'the primary', ours: true },
  ),
  'store-read-max-lag': setting(
    duration('s'),
    'How far the replica may be behind and still be asked; beyond it queries go to the primary.',
    { default: '10', ours: true },
  ),
  'store-max-num-db-connections': setting(
    integer(2, 10_000),
    'Connections to PostgreSQL at the most, and to the replica; up to 4 of them are kept for writing.',
    { default: '50' },
  ),
  'store-spool-size': setting(
    size(1024 * 1024, 1024 ** 4),
    'Bytes of messages that wait in the data folder while PostgreSQL is away; above it messages are not stored. A million messages at the most.',
    { default: '1GiB', ours: true },
  ),
  'store-resume': setting(bool, 'Fetch what was missed from other stores after a restart.', {
    default: 'false',
  }),
  'store-sync': setting(bool, 'Reconcile the archive with other stores.', { default: 'false' }),
  'store-sync-interval': setting(duration('s', 1), 'Time between two rounds of store-sync.', { default: '300' }),
  'store-sync-range': setting(duration('s', 1), 'How far back store-sync looks.', { default: '3600' }),
  'store-sync-relay-jitter': setting(duration('s'), 'The newest messages that store-sync leaves out.', {
    default: '20',
  }),
  'store-commit-delay': setting(
    duration('ms'),
    'How long a message waits at the most for others to be written to disk with it.',
    { default: '5ms', ours: true },
  ),
  'store-queue-size': setting(
    size(1024 * 1024, 4 * 1024 ** 3),
    'Bytes of messages that wait for the disk at the most; above it messages are not stored, and counted.',
    { default: '16MiB', ours: true },
  ),
  'store-min-free': setting(
    diskAmount,
    'Storing stops when less of the disk is free, and goes on by itself; relay and queries never stop. 0: never. For LevelDB.',
    { unset: '5 % of the disk, 512MiB at the most', ours: true, live: true },
  ),
  'store-ballast': setting(
    size(0, 16 * 1024 ** 3),
    'Bytes of a file beside the archive that is deleted when the disk is full even so, to close and to open. 0: none. For LevelDB.',
    { unset: '64MiB, a tenth of the disk at the most', ours: true, live: true },
  ),
} as const

export const filter = {
  filter: setting(bool, 'Serve filter subscriptions.', { default: 'false' }),
  filternode: setting(list(peerAddress), 'A peer to stay connected with, and to subscribe at. Repeatable.', {
    live: true,
  }),
  'filter-subscription-timeout': setting(
    duration('s', 1000),
    'A subscriber is dropped after this long without a sign of life.',
    {
      default: '300',
      live: true,
    },
  ),
  'filter-max-peers-to-serve': setting(integer(0, 1_000_000), 'Subscribers at the most.', {
    default: '1000',
    live: true,
  }),
  'filter-max-criteria': setting(
    integer(1, 1_000_000),
    'Pairs of pubsub and content topic of one subscriber at the most.',
    {
      default: '1000',
      live: true,
    },
  ),
  'filter-queue-messages': setting(
    integer(1, 1_000_000),
    'Messages that wait for one subscriber at the most; above it messages for that one are dropped, and counted.',
    { default: '1000', ours: true },
  ),
} as const

export const lightpush = {
  lightpush: setting(bool, 'Publish messages for light clients.', { default: 'false' }),
  lightpushnode: setting(list(peerAddress), 'A peer to stay connected with, and to publish through. Repeatable.', {
    live: true,
  }),
  reliability: setting(bool, 'Ask stores whether sent messages arrived.', {
    default: 'false',
    ...without(notYet, 'false'),
  }),
  'rate-limit': setting(
    list(rateLimit),
    'Requests of one peer in a time, [service:]requests/period; ten times as many of all peers. Without a service: all that are not named. 0/1s: no limit. Repeatable.',
    {
      unset: 'store:600/1m lightpush:600/1m filter:300/1m px:30/1m',
      nwaku: 'filter:30/1m, others unlimited',
      live: true,
    },
  ),
} as const
