/** A node behind a router, a relay, and one that looks for it: in networks that reach only the relay. */
import t, { type Test } from 'tap'
import { waypost } from '../../kit/cli.ts'
import { type Daemon, daemon } from '../../kit/daemon.ts'
import { type Namespaces, namespaces } from '../../kit/namespaces.ts'

const contentTopic = '/waypost/1/reach/proto'
const quiet = [
  '--peer-exchange=false',
  '--rendezvous=false',
  '--cluster-id=7',
  '--num-shards-in-network=1',
  '--shard=0',
]

interface Parties {
  readonly nets: Namespaces
  readonly relay: Daemon
  readonly hidden: Daemon
  /** Where `hidden` is reached through the relay, by who is in the other network. */
  readonly relayed: string
}

/** `hidden` listens on its loopback alone, and has a connection to the relay. */
async function parties(t: Test): Promise<Parties | undefined> {
  const nets = namespaces(
    t,
    ['hidden', 'relay', 'seeker'],
    [
      {
        ends: [
          ['hidden', '11.0.0.2/24'],
          ['relay', '11.0.0.1/24'],
        ],
      },
      {
        ends: [
          ['seeker', '12.0.0.2/24'],
          ['relay', '12.0.0.1/24'],
        ],
      },
    ],
  )
  if (nets === undefined) return undefined
  const relay = await daemon(t, {
    under: nets.inside('relay'),
    flags: [...quiet, '--listen-address=0.0.0.0', '--websocket-support=false', '--circuit-relay=true'],
  })
  const port = /tcp\/(\d+)/.exec(relay.tcp)?.[1]
  const hidden = await daemon(t, {
    under: nets.inside('hidden'),
    flags: [...quiet, '--relay-client=true', `--staticnode=/ip4/11.0.0.1/tcp/${port}/p2p/${relay.peerId}`],
  })
  const news = await hidden.line(
    ({ msg, addresses }) => msg === 'other addresses are announced' && /p2p-circuit/.test(String(addresses)),
  )
  const relayed = (news.addresses as string[]).find((address) => address.startsWith('/ip4/12.0.0.1/'))
  return { nets, relay, hidden, relayed: relayed ?? '' }
}

t.test('a node that nobody can dial answers a store query through a relay', async (t) => {
  const made = await parties(t)
  if (made === undefined) return
  const { nets, hidden, relayed } = made
  t.match(relayed, `/p2p-circuit/p2p/${hidden.peerId}`)
  const own = { under: nets.inside('hidden') }
  const rest = `--rest-url=${hidden.restUrl}`
  const published = await waypost(t, ['publish', 'found', rest, `--content-topic=${contentTopic}`], own)
  t.equal(published.code, 0, published.stderr)
  const seeker = { under: nets.inside('seeker') }
  const query = ['query', `--content-topic=${contentTopic}`, '--json', '--pubsub-topic=/waku/2/rs/7/0']
  const found = await waypost(t, [...query, `--peer=${relayed}`], seeker)
  t.match(found.stdout, Buffer.from('found').toString('base64'), found.stderr)
  const direct = relayed.replace(/^.*p2p-circuit/, `/ip4/11.0.0.2/tcp/${/tcp\/(\d+)/.exec(hidden.tcp)?.[1]}`)
  t.not((await waypost(t, [...query, `--peer=${direct}`], seeker)).code, 0, 'there is no other way')
})

t.test('a relayed connection is replaced by a direct one where one side can be dialled', async (t) => {
  const made = await parties(t)
  if (made === undefined) return
  const { nets, hidden, relayed } = made
  nets.run('relay', 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
  nets.run('hidden', 'ip', 'route', 'add', 'default', 'via', '11.0.0.1')
  nets.run('seeker', 'ip', 'route', 'add', 'default', 'via', '12.0.0.1')
  const seeker = await daemon(t, {
    under: nets.inside('seeker'),
    flags: [...quiet, '--listen-address=0.0.0.0', '--rest-admin=true', `--staticnode=${relayed}`],
  })
  const under = nets.inside('seeker')
  const isDirect = async (): Promise<boolean> => {
    const { stdout } = await waypost(t, ['peers', '--json', `--rest-url=${seeker.restUrl}`], { under })
    const peers: readonly { multiaddr: string }[] = JSON.parse(stdout)
    return peers.some(({ multiaddr }) => multiaddr.includes(hidden.peerId) && multiaddr.startsWith('/ip4/11.0.0.2/'))
  }
  while (!(await isDirect()));
  t.pass('the hidden one has dialled')
})
