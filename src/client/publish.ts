/** Hands a message to the nodes, one after the other, until one has relayed it; where that is enough, until one has kept it. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { push } from '../protocols/lightpush/client.ts'
import { Status } from '../protocols/lightpush/codec.ts'
import { pause, tooManyRequests } from './busy.ts'
import type { Nodes } from './nodes.ts'

/** For one node, which waits for its own relay and disk before it answers. */
const pushTimeout: Milliseconds = 10_000

/** Nodes that are asked for one message. */
const mostAsked = 3

/** Pauses in a row for nodes that are asked too often, 7 s at the most: stores refuse a message that is 20 s old. */
const mostPauses = 3

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

/** Throws `messaging/no-network` when nobody took it. Where one was only asked too often, all are asked again later. */
export async function publish(parts: PublishParts, pubsubTopic: string, encoded: Uint8Array): Promise<void> {
  for (let pauses = 0; ; pauses += 1) {
    const outcome = await offer(parts, pubsubTopic, encoded)
    if (outcome.isTaken) return
    if (!outcome.isBusy || pauses === mostPauses) throw new WaypostError('messaging/no-network', { why: outcome.why })
    await pause(pauses, parts.signal)
  }
}

type Outcome = { readonly isTaken: true } | { readonly isTaken: false; readonly why: string; readonly isBusy: boolean }

/** Asks some nodes once each. */
async function offer(parts: PublishParts, pubsubTopic: string, encoded: Uint8Array): Promise<Outcome> {
  let why = 'no node that takes messages is connected'
  let isKept = false
  let isBusy = false
  const asked = new Set<string>()
  while (asked.size < mostAsked) {
    const peer = await parts.nodes.find('lightpush', asked)
    if (peer === undefined) break
    const refusal = await pushTo(parts, peer, pubsubTopic, encoded)
    if (refusal === undefined) return { isTaken: true }
    asked.add(peer.toString())
    isKept ||= refusal.status === Status.noPeersToRelay
    isBusy ||= refusal.status === tooManyRequests
    parts.nodes.failed('lightpush', peer)
    why = `${peer}: ${refusal.why}`
  }
  return isKept && parts.keptIsEnough ? { isTaken: true } : { isTaken: false, why, isBusy }
}

interface Refusal {
  readonly why: string
  /** What the node answered, unless it did not. 505: it has the message, and nobody to hand it on to. */
  readonly status?: number
}

/** Undefined when `peer` has relayed it. */
async function pushTo(
  { libp2p, signal }: PublishParts,
  peer: PeerId,
  pubsubTopic: string,
  encoded: Uint8Array,
): Promise<Refusal | undefined> {
  try {
    const pushed = await push(libp2p, peer, encoded, pubsubTopic, { timeout: pushTimeout, signal })
    if (pushed.outcome === 'relayed') return undefined
    const { status, reason } = pushed
    const why = status === Status.noPeersToRelay ? 'it has no peers to relay to' : reason.slice(0, maxReasonLength)
    return { why, status }
  } catch (error) {
    return { why: messageOf(error) }
  }
}
