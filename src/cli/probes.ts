/** One question for each protocol: the least that a node that works answers, and that changes nothing there. */
import { isWaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { request } from '../net/exchange.ts'
import { decodeFilterResponse, encodeFilterRequest, filterSubscribeProtocol } from '../protocols/filter/codec.ts'
import { filterAnswerLimits } from '../protocols/filter/limits.ts'
import { push } from '../protocols/lightpush/client.ts'
import { lightPushProtocol } from '../protocols/lightpush/codec.ts'
import { legacyLightPushProtocol } from '../protocols/lightpush/legacy-codec.ts'
import { askMetadata } from '../protocols/metadata/client.ts'
import { metadataProtocol } from '../protocols/metadata/codec.ts'
import { relayProtocols } from '../protocols/relay/codec.ts'
import { newRequestId } from '../protocols/request-id.ts'
import { StoreClient } from '../protocols/store/client.ts'
import { storeProtocol } from '../protocols/store/codec.ts'
import type { Checked } from './commands/canary.ts'
import type { ConnectedPeer } from './peer.ts'

export interface ProbeOptions {
  readonly timeout: Milliseconds
  readonly clusterId?: number
}

export interface Probe {
  /** One of these must be announced. */
  readonly protocols: readonly string[]
  /** Asks; gives what it learned, for a person. Throws when the answer is none, or not what a healthy node says. */
  ask(peer: ConnectedPeer, options: ProbeOptions): Promise<string>
}

export const probes: Readonly<Record<Checked, Probe>> = {
  metadata: { protocols: [metadataProtocol], ask: whichCluster },
  relay: { protocols: relayProtocols, ask: async ({ protocols }) => announcedRelay(protocols) },
  store: { protocols: [storeProtocol], ask: oneMessage },
  filter: { protocols: [filterSubscribeProtocol], ask: pingFilter },
  lightpush: { protocols: [lightPushProtocol, legacyLightPushProtocol], ask: pushNothing },
}

function announcedRelay(protocols: readonly string[]): string {
  return `speaks ${relayProtocols.filter((protocol) => protocols.includes(protocol)).join(', ')}`
}

async function whichCluster(
  { libp2p, id, ours }: ConnectedPeer,
  { timeout, clusterId }: ProbeOptions,
): Promise<string> {
  const { cluster = 0, shards } = await askMetadata(libp2p, id, ours(), { timeout })
  if (clusterId !== undefined && cluster !== clusterId) throw new Error(`it is of cluster ${cluster}, not ${clusterId}`)
  return `cluster ${cluster}, ${shards.length === 0 ? 'no shards' : `shards ${shards.join(' ')}`}`
}

async function oneMessage({ libp2p, id }: ConnectedPeer, { timeout }: ProbeOptions): Promise<string> {
  const query = { direction: 'backward', limit: 1, includeData: false } as const
  const { messages } = await new StoreClient({ libp2p }).query(id, query, { timeout })
  return messages.length === 0 ? 'answers, and is empty' : `answers, newest message ${messages[0]?.hash}`
}

/** Who is not subscribed is told so: that is the answer of a filter that works. */
async function pingFilter({ libp2p, id }: ConnectedPeer, { timeout }: ProbeOptions): Promise<string> {
  const body = encodeFilterRequest({ requestId: newRequestId(), kind: 'SUBSCRIBER_PING', contentTopics: [] })
  const answer = await request(libp2p, id, filterSubscribeProtocol, body, { ...filterAnswerLimits, timeout })
  const { status, reason } = decodeFilterResponse(answer)
  if (status !== 200 && status !== 404) throw new Error(`answers ${status} ${reason}`)
  return 'answers a ping'
}

/** Topic of a push that no node can place: none publishes it, one that works says so. */
const noTopic = '/waypost/canary'

/** A push of no message to no topic is refused by a light push that works. */
async function pushNothing({ libp2p, id }: ConnectedPeer, { timeout }: ProbeOptions): Promise<string> {
  try {
    const pushed = await push(libp2p, id, new Uint8Array(), noTopic, { timeout })
    return pushed.outcome === 'no-peers' ? `answers, but has nobody to relay to (${pushed.status})` : 'answers a push'
  } catch (error) {
    // nwaku resets the stream of what is no message in version 2: it was read, then.
    if (isWaypostError(error, 'wire/closed-early')) return 'reads a push'
    throw error
  }
}
