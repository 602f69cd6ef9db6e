/** Hands a message to the nodes, one after the other, until one has relayed it; where that is enough, until one has kept it. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { push } from '../protocols/lightpush/client.ts'
import { Status } from '../protocols/lightpush/codec.ts'
import type { Nodes } from './nodes.ts'

/** For one node, which waits for its own relay and disk before it answers. */
const pushTimeout: Milliseconds = 10_000

/** Nodes that are asked for one message. */
const mostAsked = 3

/** Characters of a node's reason that are passed on: a sentence. */
const maxReasonLength = 200

export interface PublishParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly nodes: Pick<Nodes, 'find' | 'failed'>
  /** See `ClientOptions`. */
  readonly keptIsEnough: boolean
  /** Aborted at the end. */
  readonly signal: AbortSignal
}

/** Throws `messaging/no-network` when nobody took it. */
export async function publish(parts: PublishParts, pubsubTopic: string, encoded: Uint8Array): Promise<void> {
  let why = 'no node that takes messages is connected'
  let isKept = false
  const asked = new Set<string>()
  while (asked.size < mostAsked) {
    const peer = await parts.nodes.find('lightpush', asked)
    if (peer === undefined) break
    const refusal = await pushTo(parts, peer, pubsubTopic, encoded)
    if (refusal === undefined) return
    asked.add(peer.toString())
    isKept ||= refusal === kept
    parts.nodes.failed('lightpush', peer)
    why = `${peer}: ${refusal}`
  }
  if (isKept && parts.keptIsEnough) return
  throw new WaypostError('messaging/no-network', { why })
}

/** What a node says that has the message, and nobody to hand it on to. */
const kept = 'it has no peers to relay to'

/** Undefined when `peer` has relayed it; otherwise why not. */
async function pushTo(
  { libp2p, signal }: PublishParts,
  peer: PeerId,
  pubsubTopic: string,
  encoded: Uint8Array,
): Promise<string | undefined> {
  try {
    const pushed = await push(libp2p, peer, encoded, pubsubTopic, { timeout: pushTimeout, signal })
    if (pushed.outcome === 'relayed') return undefined
    return pushed.status === Status.noPeersToRelay ? kept : pushed.reason.slice(0, maxReasonLength)
  } catch (error) {
    return messageOf(error)
  }
}
