/**
 * The id by which a peer knows the answer to its request. In every Waku request it is the string in field 1, so it can
 * be read, and echoed, also where the rest of the request is refused.
 */
import { randomBytes } from 'node:crypto'
import { ProtobufReader } from '../core/protobuf.ts'

const requestIdField = 1

/** Bytes of randomness in an id of ours: nwaku's 10, as 20 hexadecimal digits. */
const randomIdBytes = 10

/** Bytes of an id that a refusal repeats: a uuid has 36, go-waku's ids have 64. */
const maxEchoedBytes = 256

/** What stands for an id that could not be read: nwaku's word, which every client accepts in place of its own id. */
export const unreadableRequestId = 'N/A'

/**
 * The request id in `body`, as far as it was received and is a message at all; `N/A` when there is none to read, and
 * when it is empty or above 256 bytes.
 */
export function requestIdOf(body: Uint8Array | undefined): string {
  if (body === undefined) return unreadableRequestId
  try {
    const id = readRequestId(new ProtobufReader(body, 'request')) ?? ''
    return id === '' || Buffer.byteLength(id) > maxEchoedBytes ? unreadableRequestId : id
  } catch {
    // What follows an id is of no interest here, and what comes before it spoils it.
    return unreadableRequestId
  }
}

function readRequestId(reader: ProtobufReader): string | undefined {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === requestIdField) return reader.string()
    reader.skip()
  }
  return undefined
}

/** An id for a request of ours. */
export function newRequestId(): string {
  return randomBytes(randomIdBytes).toString('hex')
}

/** True when an answer with `answered` can be the one to our request `asked`: nwaku answers some refusals with another id. */
export function answersRequest(answered: string, asked: string): boolean {
  return answered === asked || answered === unreadableRequestId || answered === ''
}
