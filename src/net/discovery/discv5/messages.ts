/** Messages of discv5 (discv5-wire v5.1, "Protocol Messages"): a byte that says which, and an RLP list. */
import { isIP } from 'node:net'
import { isWaypostError, WaypostError } from '../../../core/errors.ts'
import { canonical } from '../../networks.ts'
import { decodeList, encodeList, encodeString, integerBytes, type RlpItem } from '../rlp.ts'
import { idBits, maxAnswerPackets, maxDistances, maxRecords, maxRequestIdBytes } from './limits.ts'

interface Identified {
  /** Chosen by who asks, and given back in the answer. */
  readonly id: Uint8Array
}

export interface Ping extends Identified {
  readonly type: 'ping'
  /** Of the sender's node record. */
  readonly sequence: bigint
}

export interface Pong extends Identified {
  readonly type: 'pong'
  readonly sequence: bigint
  /** Where the PING came from, as the sender of the PONG saw it. */
  readonly address: string
  readonly port: number
}

export interface FindNode extends Identified {
  readonly type: 'findnode'
  /** From the receiver; 0 asks for its own record. */
  readonly distances: readonly number[]
}

export interface Nodes extends Identified {
  readonly type: 'nodes'
  /** Packets of the answer. */
  readonly total: number
  /** Node records, unchecked. */
  readonly records: readonly Uint8Array[]
}

export interface TalkRequest extends Identified {
  readonly type: 'talkreq'
  readonly protocol: Uint8Array
  readonly request: Uint8Array
}

export interface TalkResponse extends Identified {
  readonly type: 'talkresp'
  readonly response: Uint8Array
}

export type RequestMessage = Ping | FindNode | TalkRequest
export type ResponseMessage = Pong | Nodes | TalkResponse
export type Message = RequestMessage | ResponseMessage

/** A request without its id, which whoever sends it chooses. */
export type Asked<M extends RequestMessage = RequestMessage> = M extends RequestMessage ? Omit<M, 'id'> : never

interface Codec<M extends Message> {
  readonly code: number
  readonly encode: (message: M) => Uint8Array[]
  readonly decode: (id: Uint8Array, fields: readonly RlpItem[]) => M
}

const codecs: { readonly [Type in Message['type']]: Codec<Extract<Message, { type: Type }>> } = {
  ping: {
    code: 1,
    encode: ({ sequence }) => [number(sequence)],
    decode: (id, [sequence]) => ({ type: 'ping', id, sequence: numberIn(sequence, 8) }),
  },
  pong: {
    code: 2,
    encode: ({ sequence, address, port }) => [
      number(sequence),
      encodeString(addressBytes(address)),
      number(BigInt(port)),
    ],
    decode: (id, [sequence, address, port]) => ({
      type: 'pong',
      id,
      sequence: numberIn(sequence, 8),
      address: addressIn(bytesIn(address)),
      port: Number(numberIn(port, 2)),
    }),
  },
  findnode: {
    code: 3,
    encode: ({ distances }) => [encodeList(distances.map((distance) => number(BigInt(distance))))],
    decode: (id, [distances]) => ({ type: 'findnode', id, distances: distancesIn(distances) }),
  },
  nodes: {
    code: 4,
    encode: ({ total, records }) => [number(BigInt(total)), encodeList(records)],
    decode: (id, [total, records]) => ({
      type: 'nodes',
      id,
      // A total that nobody needs is believed no further than this.
      total: Math.min(maxAnswerPackets, Number(numberIn(total, 8))),
      records: itemsIn(records)
        .slice(0, maxRecords)
        .map(({ encoded }) => encoded),
    }),
  },
  talkreq: {
    code: 5,
    encode: ({ protocol, request }) => [encodeString(protocol), encodeString(request)],
    decode: (id, [protocol, request]) => ({
      type: 'talkreq',
      id,
      protocol: bytesIn(protocol),
      request: bytesIn(request),
    }),
  },
  talkresp: {
    code: 6,
    encode: ({ response }) => [encodeString(response)],
    decode: (id, [response]) => ({ type: 'talkresp', id, response: bytesIn(response) }),
  },
}

const byCode = new Map<number, Codec<Message>>(
  // Each codec is only handed its own messages: by type when it writes, by code when it reads.
  Object.values(codecs).map((codec) => [codec.code, codec as unknown as Codec<Message>]),
)

export function encodeMessage(message: Message): Buffer {
  const { code, encode } = codecs[message.type] as unknown as Codec<Message>
  return Buffer.concat([Buffer.of(code), encodeList([encodeString(message.id), ...encode(message)])])
}

/** What a peer sent; undefined for what is none of the six messages. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const codec = byCode.get(bytes[0] ?? 0)
  if (codec === undefined) return undefined
  try {
    const [id, ...fields] = decodeList(bytes.subarray(1))
    return codec.decode(requestIdIn(id), fields)
  } catch (error) {
    if (isWaypostError(error)) return undefined
    throw error
  }
}

/** True for what asks for an answer. */
export function isRequest(message: Message): message is RequestMessage {
  return message.type === 'ping' || message.type === 'findnode' || message.type === 'talkreq'
}

function number(value: bigint): Uint8Array {
  return encodeString(integerBytes(value))
}

function requestIdIn(item: RlpItem | undefined): Uint8Array {
  const id = bytesIn(item)
  if (id.length > maxRequestIdBytes) throw malformed('a request id of more than 8 bytes')
  return id
}

function bytesIn(item: RlpItem | undefined): Uint8Array {
  if (item === undefined || item.isList) throw malformed('bytes are missing')
  return item.payload
}

function itemsIn(item: RlpItem | undefined): RlpItem[] {
  if (item === undefined) throw malformed('a list is missing')
  return decodeList(item.encoded)
}

function numberIn(item: RlpItem | undefined, maxBytes: number): bigint {
  const bytes = bytesIn(item)
  if (bytes.length > maxBytes) throw malformed('a number is too large')
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

function distancesIn(item: RlpItem | undefined): number[] {
  const distances = itemsIn(item)
    .slice(0, maxDistances)
    .map((distance) => Number(numberIn(distance, 2)))
  if (distances.some((distance) => distance > idBits)) throw malformed('a distance above 256')
  return distances
}

function addressBytes(address: string): Uint8Array {
  const text = canonical(address)
  if (isIP(text) === 4) return Buffer.from(text.split('.').map(Number))
  const bytes = Buffer.alloc(16)
  for (const [index, group] of text.split(':').entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index)
  return bytes
}

function addressIn(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) throw malformed('an address of other than 4 or 16 bytes')
  const groups = Array.from({ length: 8 }, (_, group) =>
    Buffer.from(bytes)
      .readUInt16BE(2 * group)
      .toString(16),
  )
  return canonical(groups.join(':'))
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'discv5 message', why })
}
