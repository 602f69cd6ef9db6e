/** The request id: field 1 of the requests and responses of store, filter and light push; it ties an answer to its question. */
import { randomBytes } from 'node:crypto'
import { ProtobufReader } from '../core/protobuf.ts'

/** Stands in an answer whose request's id could not be read. nwaku writes it, and clients take it for their own. */
export const unreadableId = 'N/A'

/** Bytes of an id that a refusal repeats. A uuid has 36, go-waku's ids have 64. */
const maxEchoedBytes = 256

/** An id for a request of ours: ten random bytes in hexadecimal, as nwaku has it. */
export function newRequestId(): string {
  return randomBytes(10).toString('hex')
}

/**
 * The id of a request that may be damaged, for the answer that refuses it: `N/A` when it is missing, empty, longer
 * than 256 bytes or behind the damage, and when there is no request at all.
 */
export function requestIdOf(request: Uint8Array | undefined): string {
  const id = request === undefined ? undefined : firstField(request)
  return id === undefined || id === '' || Buffer.byteLength(id) > maxEchoedBytes ? unreadableId : id
}

/** True when an answer with the id `answered` belongs to the request `asked`: nwaku's refusals carry "" or `N/A`. */
export function isAnswerTo(asked: string, answered: string): boolean {
  return answered === asked || answered === '' || answered === unreadableId
}

function firstField(request: Uint8Array): string | undefined {
  let id: string | undefined
  try {
    const reader = new ProtobufReader(request, 'request')
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) id = reader.string()
      else reader.skip()
    }
  } catch {
    // Damaged from here on; what stood before it counts.
  }
  return id
}
