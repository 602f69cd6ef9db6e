/** The envelope of the older protocols: an id, and a request one way or a response the other. */
import { ProtobufReader } from '../core/protobuf.ts'

const Field = { requestId: 1, request: 2, response: 3 } as const

/** Views of the bytes that it was read from. */
export interface LegacyRpc {
  readonly requestId?: string
  readonly request?: Uint8Array
  readonly response?: Uint8Array
}

/** Reads an envelope; `what` names it in errors. Throws `wire/malformed`. */
export function readLegacyRpc(body: Uint8Array, what: string): LegacyRpc {
  const reader = new ProtobufReader(body, what)
  let requestId: string | undefined
  let request: Uint8Array | undefined
  let response: Uint8Array | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case Field.requestId:
        requestId = reader.string()
        break
      case Field.request:
        request = reader.bytes()
        break
      case Field.response:
        response = reader.bytes()
        break
      default:
        reader.skip()
    }
  }
  return { requestId, request, response }
}
