/** What a client is told of its push, in the words of version 3; version 2 says the same with fewer of them. */
import { isWaypostError, type WaypostError, wireStatus } from '../../core/errors.ts'
import type { Published } from '../../core/publisher.ts'
import { judgeSize } from '../../core/validator.ts'
import { type PushResponse, Status } from './codec.ts'

/** A response without the id of the request. */
export type PushResult = Omit<PushResponse, 'requestId'>

/** What nwaku says, word for word: clients and test suites look for it. */
const noPeersReason = 'No peers for topic, skipping publish'
const rateLimitReason = 'Request rejected due to too many requests'

export const emptyTopic: PushResult = { status: Status.badRequest, reason: 'topic must not be empty' }

/** True for a topic that is given and says nothing. */
export function isEmptyTopic(pubsubTopic: string | undefined): boolean {
  return pubsubTopic !== undefined && pubsubTopic.trim() === ''
}

/** The result of what became of a message. */
export function resultOf(published: Published): PushResult {
  switch (published.outcome) {
    case 'relayed':
      return { status: Status.success, relayPeers: published.peers }
    case 'no-peers':
      return { status: Status.noPeersToRelay, reason: noPeersReason }
    case 'invalid':
    case 'no-topic':
      return { status: Status.invalidMessage, reason: published.reason }
    case 'too-large':
      // nwaku says 420 with the same text; 413 is the code that the specification has for it.
      return { status: Status.payloadTooLarge, reason: published.reason }
    case 'unsupported-topic':
      return { status: Status.unsupportedTopic, reason: published.reason }
    case 'no-relay':
      // The specification reads 503 as no peers to relay to, nwaku as a service that is missing. Both are true of a
      // node without relay, and a client goes to another node. nwaku's 500 would call it a fault; it is a setting.
      return { status: Status.serviceNotAvailable, reason: published.reason }
  }
}

/** The result of a request that did not get as far as being published. */
export function resultOfError(error: WaypostError, maxMessageBytes: number): PushResult {
  return { status: wireStatus(error), reason: reasonOf(error, maxMessageBytes) }
}

function reasonOf(error: WaypostError, maxMessageBytes: number): string {
  if (isWaypostError(error, 'wire/malformed') || isWaypostError(error, 'message/malformed'))
    return `decode_rpc_failure: ${error.data.why}`
  if (isWaypostError(error, 'wire/too-large')) return tooLarge(Number(error.data.length), maxMessageBytes)
  if (isWaypostError(error, 'wire/rate-limited')) return rateLimitReason
  // What went wrong inside may name files and hosts: it stays inside.
  return wireStatus(error) === Status.internalError ? 'internal error' : error.message
}

/** A frame above its limit holds a message above its own. */
function tooLarge(length: number, maxMessageBytes: number): string {
  const verdict = judgeSize(length, maxMessageBytes)
  return verdict.result === 'accept' ? `request of ${length} bytes is too large` : verdict.reason
}
