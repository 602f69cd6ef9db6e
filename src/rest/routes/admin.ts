/**
 * `/admin/v1` (`--rest-admin`): who the node knows, who is in its meshes, who subscribed, and how much it logs. Paths,
 * fields and texts are nwaku's (https://github.com/waku-org/nwaku/tree/7d1c6abaacba/waku/rest_api/endpoint/admin).
 */
import { isWaypostError, messageOf } from '../../core/errors.ts'
import { type Answer, type BodyAnswer, json, ok, text } from '../answer.ts'
import type { Writable } from '../json/write.ts'
import { readBody } from '../request.ts'
import type { RestRequest, Route } from '../route.ts'
import { array, described, dictionary, number, object, oneOf, optional, string, uint32 } from '../shape.ts'
import { countPeers, servicePeers } from './peer-counts.ts'
import type { ReloadReport } from './reload.ts'

/** A peer, as far as the node knows it. */
export interface KnownPeer {
  readonly peerId: string
  /** Its first address with its id; empty when none is known. */
  readonly multiaddr: string
  readonly protocols: readonly string[]
  readonly shards: readonly number[]
  readonly connected: boolean
  /** It is not connected, and the last dial failed. */
  readonly failed: boolean
  readonly agent: string
  readonly origin: PeerOrigin
  /** Its gossip score. */
  readonly score?: number
}

/** Who told us of a peer, in nwaku's words. */
export const peerOrigins = ['UnknownOrigin', 'Discv5', 'Static', 'PeerExchange', 'Dns'] as const
export type PeerOrigin = (typeof peerOrigins)[number]

/** Something that the node decided of a peer. */
export interface PeerDecision {
  /** Unix time in ms. */
  readonly at: number
  readonly what: string
  /** Its full id. */
  readonly peer: string
  /** Who told us of a peer that was dialled. */
  readonly source?: string | undefined
}

/** The peers of one shard. */
export interface ShardPeers {
  readonly shard: number
  readonly peers: readonly KnownPeer[]
}

export interface FilterSubscription {
  readonly peerId: string
  readonly filterCriteria: readonly { readonly pubsubTopic: string; readonly contentTopic: string }[]
}

/** What an operator may ask and tell the node. */
export interface AdminService {
  /** All known peers, connected or not. */
  peers(): Promise<readonly KnownPeer[]>
  /** One of them. Throws `rest/bad-parameter` when `peerId` is the id of no peer that there can be. */
  peer(peerId: string): Promise<KnownPeer | undefined>
  /** By shard followed: those who follow it, and those in its mesh. Undefined when the node does not relay. */
  relayPeers(): Promise<readonly ShardPeers[]> | undefined
  meshPeers(): Promise<readonly ShardPeers[]> | undefined
  /** What was decided lately, the latest last. */
  decisions(): readonly PeerDecision[]
  /** Dials a multiaddr that ends in a peer id. */
  dial(address: string): Promise<void>
  /** Undefined when the node serves no filter. */
  filterSubscriptions(): readonly FilterSubscription[] | undefined
  /** Reads the settings again; undefined when the node does not know where they come from. */
  reload(): Promise<ReloadReport | undefined>
  /** Sets the level of the log from now on. */
  setLogLevel(level: LogLevelName): void
}

export const logLevelNames = ['TRACE', 'DEBUG', 'INFO', 'NOTICE', 'WARN', 'ERROR', 'FATAL'] as const
export type LogLevelName = (typeof logLevelNames)[number]

const peer = object({
  multiaddr: string,
  protocols: array(string),
  shards: array(uint32),
  connected: oneOf('NotConnected', 'CannotConnect', 'CanConnect', 'Connected'),
  agent: string,
  origin: oneOf(...peerOrigins),
  score: optional(number),
})
const decision = object({ at: number, what: string, peer: string, source: optional(string) })
const shardPeers = object({ shard: uint32, peers: array(peer) })
const subscription = object({
  peerId: string,
  filterCriteria: array(object({ pubsubTopic: string, contentTopic: string })),
})
const addresses = array(described(string, 'A multiaddr that ends in /p2p/<peer id>.'))
const shardId = { shardId: 'The number of a shard.' }
const badShard = { when: 'the number of a shard is none' }
const noRelay = { when: 'the node does not relay' }

/** A route that only tells. */
function tells(
  path: string,
  summary: string,
  row: Pick<Route<AdminService>, 'answers' | 'handle' | 'params'>,
): Route<AdminService> {
  return { method: 'GET', path, summary, ...row }
}

export const adminRoutes: readonly Route<AdminService>[] = [
  tells('/admin/v1/peers', 'All known peers', {
    answers: { 200: { when: 'always', shape: array(peer) } },
    handle: async (_, admin) => json((await admin.peers()).map(told)),
  }),
  {
    method: 'POST',
    path: '/admin/v1/peers',
    summary: 'Dial peers, one after the other; the first failure ends it',
    body: addresses,
    answers: {
      200: { when: 'all are connected; text `OK`' },
      400: { when: 'an address is none, or a peer cannot be reached' },
    },
    handle: (request, admin) => {
      const wanted = addressesOf(request)
      return 'status' in wanted ? wanted : dialAll(wanted, admin)
    },
  },
  tells('/admin/v1/peer/{peerId}', 'One known peer', {
    params: { peerId: 'The full id of the peer.' },
    answers: {
      200: { when: 'it is known', shape: peer },
      400: { when: 'the id is that of no peer that there can be' },
      404: { when: 'it is not known' },
    },
    handle: (request, admin) => tellPeer(request.param('peerId'), admin),
  }),
  tells('/admin/v1/peers/service', 'Known peers that serve something, each with what it serves', {
    answers: { 200: { when: 'always', shape: array(peer) } },
    handle: async (_, admin) => json(servicePeers(await admin.peers()).map(told)),
  }),
  tells('/admin/v1/peers/stats', 'How many peers there are: in all, connected, by shard and by protocol', {
    answers: { 200: { when: 'always; shards are there when the node relays', shape: dictionary(dictionary(uint32)) } },
    handle: async (_, admin) =>
      json(countPeers(await admin.peers(), (await admin.relayPeers()) ?? [], (await admin.meshPeers()) ?? [])),
  }),
  tells('/admin/v1/peers/decisions', 'Whom the node dialled, gave up, forgot and parted with lately (not of nwaku)', {
    answers: { 200: { when: 'always; the latest last, times in ms', shape: array(decision) } },
    handle: async (_, admin) => json(admin.decisions().map((one) => ({ ...one }))),
  }),
  tells('/admin/v1/peers/connected', 'Connected peers', {
    answers: { 200: { when: 'always', shape: array(peer) } },
    handle: async (_, admin) => json((await connected(admin)).map(told)),
  }),
  tells('/admin/v1/peers/connected/on/{shardId}', 'Connected peers that follow a shard', {
    params: shardId,
    answers: { 200: { when: 'always', shape: array(peer) }, 400: badShard },
    handle: (request, admin) =>
      onShard(request, async (shard) =>
        (await connected(admin)).filter(({ shards }) => shards.includes(shard)).map(told),
      ),
  }),
  ...(['relay', 'mesh'] as const).flatMap((kind) => gossipRoutes(kind)),
  tells('/admin/v1/filter/subscriptions', 'Who subscribed to what', {
    answers: { 200: { when: 'filter is served', shape: array(subscription) }, 400: { when: 'it is not' } },
    handle(_, admin) {
      const subscriptions = admin.filterSubscriptions()
      if (subscriptions === undefined) return text(400, 'Error: Filter Protocol is not mounted to the node')
      return json(
        subscriptions.map(({ peerId, filterCriteria }) => ({
          peerId,
          filterCriteria: filterCriteria.map((one) => ({ ...one })),
        })),
      )
    },
  }),
  {
    method: 'POST',
    path: '/admin/v1/log-level/{logLevel}',
    summary: 'Log more, or less, from now on',
    params: { logLevel: logLevelNames.join(', ') },
    answers: { 200: { when: 'done; text `OK`' }, 400: { when: 'there is no such level' } },
    handle: (request, admin) => setLogLevel(request.param('logLevel'), admin),
  },
]

/** Peers by shard, all shards or one. */
function gossipRoutes(kind: 'relay' | 'mesh'): readonly Route<AdminService>[] {
  const ask = (admin: AdminService) => (kind === 'relay' ? admin.relayPeers() : admin.meshPeers())
  const words = kind === 'relay' ? 'follow' : 'are in the mesh of'
  return [
    tells(`/admin/v1/peers/${kind}`, `Peers that ${words} our shards`, {
      answers: { 200: { when: 'the node relays', shape: array(shardPeers) }, 503: noRelay },
      async handle(_, admin) {
        const shards = await ask(admin)
        return shards === undefined ? notRelaying : json(shards.map(toldShard))
      },
    }),
    tells(`/admin/v1/peers/${kind}/on/{shardId}`, `Peers that ${words} a shard`, {
      params: shardId,
      answers: { 200: { when: 'the node relays', shape: shardPeers }, 400: badShard, 503: noRelay },
      handle: (request, admin) =>
        onShard(request, async (shard) => {
          const shards = await ask(admin)
          return shards && toldShard(shards.find((one) => one.shard === shard) ?? { shard, peers: [] })
        }),
    }),
  ]
}

const notRelaying = text(503, 'Error: Relay Protocol is not mounted to the node')

/** Asks for the shard in the path; undefined is a node that does not relay. */
async function onShard(request: RestRequest, ask: (shard: number) => Promise<Writable | undefined>): Promise<Answer> {
  const given = request.param('shardId')
  if (!/^\d{1,5}$/.test(given) || Number(given) > 0xffff) return text(400, `Invalid shardId: ${given.slice(0, 32)}`)
  const answer = await ask(Number(given))
  return answer === undefined ? notRelaying : json(answer)
}

/** nwaku prints its own wrapping of the id. */
async function tellPeer(id: string, admin: AdminService): Promise<Answer> {
  try {
    const found = await admin.peer(id)
    return found === undefined ? text(404, `Peer with ID ok(${id}) not found`) : json(told(found))
  } catch (error) {
    if (!isWaypostError(error, 'rest/bad-parameter')) throw error
    return text(400, 'Invalid argument:peerid: incorrect PeerId string')
  }
}

async function connected(admin: AdminService): Promise<readonly KnownPeer[]> {
  return (await admin.peers()).filter((one) => one.connected)
}

/** The addresses in the body; what is none has nwaku's words before its own. */
function addressesOf(request: RestRequest): readonly string[] | BodyAnswer {
  try {
    return readBody(request, addresses)
  } catch (error) {
    if (!isWaypostError(error)) throw error
    return text(400, `Failed to decode request: ${error.message}`)
  }
}

async function dialAll(wanted: readonly string[], admin: AdminService): Promise<Answer> {
  for (const [index, address] of wanted.entries()) {
    try {
      await admin.dial(address)
    } catch (error) {
      if (isWaypostError(error, 'rest/bad-parameter'))
        return text(400, `Couldn't parse remote peer info: ${error.data.why}`)
      return text(400, `Failed to connect to peer at index: ${index} - ${address}: ${messageOf(error)}`)
    }
  }
  return ok
}

function setLogLevel(given: string, admin: AdminService): Answer {
  if (given === '') return text(400, 'Invalid log-level, it can’t be empty')
  const level = logLevelNames.find((name) => name === given.toUpperCase())
  if (level === undefined)
    return text(
      400,
      `Invalid log-level: ${given.slice(0, 32)}. Please specify one of TRACE, DEBUG, INFO, NOTICE, WARN, ERROR or FATAL`,
    )
  admin.setLogLevel(level)
  return ok
}

function told({
  multiaddr,
  protocols,
  shards,
  connected: isConnected,
  failed,
  agent,
  origin,
  score,
}: KnownPeer): Writable {
  const state = isConnected ? 'Connected' : failed ? 'CannotConnect' : 'NotConnected'
  return { multiaddr, protocols, shards, connected: state, agent, origin, score }
}

function toldShard({ shard, peers }: ShardPeers): Writable {
  return { shard, peers: peers.map(told) }
}
