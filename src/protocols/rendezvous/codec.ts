/**
 * Rendezvous as Waku uses it: libp2p's messages under an id of its own, WAKU-RENDEZVOUS,
 * https://github.com/waku-org/specs/blob/c5fe03e5166e/standards/core/rendezvous.md and
 * https://github.com/libp2p/specs/blob/master/rendezvous/README.md
 */
import { WaypostError } from '../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'

export const rendezvousProtocol = '/vac/waku/rendezvous/1.0.0'

export const Status = {
  ok: 0,
  invalidNamespace: 100,
  invalidRecord: 101,
  invalidTtl: 102,
  invalidCookie: 103,
  notAuthorized: 200,
  internal: 300,
  unavailable: 400,
} as const

export type RendezvousRequest =
  | { readonly is: 'register'; readonly registration: Registration }
  | { readonly is: 'unregister'; readonly namespace: string }
  | {
      readonly is: 'discover'
      /** Absent: all. */
      readonly namespace?: string | undefined
      readonly limit?: number | undefined
      readonly cookie?: Uint8Array | undefined
    }

export interface Registration {
  readonly namespace: string
  /** A record in a signed envelope, not opened yet. */
  readonly record: Uint8Array
  /** Seconds. */
  readonly ttl?: number | undefined
}

export type RendezvousResponse =
  | { readonly is: 'registered'; readonly status: number; readonly reason: string; readonly ttl?: number | undefined }
  | {
      readonly is: 'discovered'
      readonly status: number
      readonly reason: string
      readonly registrations: readonly Registration[]
      readonly cookie?: Uint8Array | undefined
    }

/** Where a board goes on in a round through its registrations. */
export interface Cookie {
  /** The numbers of the registration with which the round began, and of the last one that was there then. */
  readonly round: { readonly first: bigint; readonly last: bigint }
  /** The place in the round that comes next. */
  readonly next: bigint
  readonly namespace?: string | undefined
}

const Type = { register: 0, registered: 1, unregister: 2, discover: 3, discovered: 4 } as const
const Message = { type: 1, register: 2, registered: 3, unregister: 4, discover: 5, discovered: 6 } as const
const Register = { namespace: 1, record: 2, ttl: 3 } as const
const Registered = { status: 1, reason: 2, ttl: 3 } as const
const Unregister = { namespace: 1 } as const
const Discover = { namespace: 1, limit: 2, cookie: 3 } as const
const Discovered = { registration: 1, cookie: 2, status: 3, reason: 4 } as const
const CookieField = { next: 1, namespace: 2, first: 3, last: 4 } as const

export function encodeRequest(request: RendezvousRequest): Uint8Array {
  switch (request.is) {
    case 'register':
      return message(Type.register, Message.register, registrationBytes(request.registration))
    case 'unregister':
      return message(
        Type.unregister,
        Message.unregister,
        new ProtobufWriter().string(Unregister.namespace, request.namespace).finish(),
      )
    case 'discover':
      return message(Type.discover, Message.discover, discoverBytes(request))
  }
}

/** Throws `wire/malformed`. */
export function decodeRequest(body: Uint8Array): RendezvousRequest {
  const { type, parts } = partsOf(body)
  const inner = (field: number): Uint8Array => needed(parts, field)
  if (type === Type.register) return { is: 'register', registration: registrationIn(inner(Message.register)) }
  if (type === Type.unregister)
    return { is: 'unregister', namespace: fieldsOf(inner(Message.unregister)).text(Unregister.namespace) ?? '' }
  if (type === Type.discover) return discoverIn(inner(Message.discover))
  throw malformed(`type ${type} is no request`)
}

export function encodeResponse(response: RendezvousResponse): Uint8Array {
  return response.is === 'registered'
    ? message(Type.registered, Message.registered, registeredBytes(response))
    : message(Type.discovered, Message.discovered, discoveredBytes(response))
}

/** Throws `wire/malformed`. */
export function decodeResponse(body: Uint8Array): RendezvousResponse {
  const { type, parts } = partsOf(body)
  if (type === Type.registered) return registeredIn(needed(parts, Message.registered))
  if (type === Type.discovered) return discoveredIn(needed(parts, Message.discovered))
  throw malformed(`type ${type} is no response`)
}

export function encodeCookie({ round: { first, last }, next, namespace }: Cookie): Uint8Array {
  const writer = new ProtobufWriter().uint64(CookieField.next, next)
  if (namespace !== undefined) writer.string(CookieField.namespace, namespace)
  return writer.uint64(CookieField.first, first).uint64(CookieField.last, last).finish()
}

/** Throws `wire/malformed`. */
export function decodeCookie(bytes: Uint8Array): Cookie {
  const fields = fieldsOf(bytes)
  const { next, first, last } = CookieField
  const [place, from, to] = [next, first, last].map((field) => fields.number(field))
  if (place === undefined || from === undefined || to === undefined) throw malformed('a cookie without its numbers')
  return { round: { first: from, last: to }, next: place, namespace: fields.text(CookieField.namespace) }
}

function message(type: number, field: number, inner: Uint8Array): Uint8Array {
  return new ProtobufWriter(inner.length + 32).uint32(Message.type, type).bytes(field, inner).finish()
}

function registrationBytes({ namespace, record, ttl }: Registration): Uint8Array {
  const writer = new ProtobufWriter(record.length + 320)
    .string(Register.namespace, namespace)
    .bytes(Register.record, record)
  if (ttl !== undefined) writer.uint64(Register.ttl, BigInt(ttl))
  return writer.finish()
}

function discoverBytes({ namespace, limit, cookie }: Extract<RendezvousRequest, { is: 'discover' }>): Uint8Array {
  const writer = new ProtobufWriter()
  if (namespace !== undefined) writer.string(Discover.namespace, namespace)
  if (limit !== undefined) writer.uint64(Discover.limit, BigInt(limit))
  if (cookie !== undefined) writer.bytes(Discover.cookie, cookie)
  return writer.finish()
}

function registeredBytes({ status, reason, ttl }: Extract<RendezvousResponse, { is: 'registered' }>): Uint8Array {
  const writer = new ProtobufWriter().uint32(Registered.status, status)
  if (reason !== '') writer.string(Registered.reason, reason)
  if (ttl !== undefined) writer.uint64(Registered.ttl, BigInt(ttl))
  return writer.finish()
}

function discoveredBytes(response: Extract<RendezvousResponse, { is: 'discovered' }>): Uint8Array {
  const { status, reason, registrations, cookie } = response
  const writer = new ProtobufWriter(1024)
  for (const registration of registrations) writer.bytes(Discovered.registration, registrationBytes(registration))
  if (cookie !== undefined) writer.bytes(Discovered.cookie, cookie)
  writer.uint32(Discovered.status, status)
  if (reason !== '') writer.string(Discovered.reason, reason)
  return writer.finish()
}

/** What is absent is empty: who serves it says why it is refused. */
function registrationIn(bytes: Uint8Array): Registration {
  const fields = fieldsOf(bytes)
  return {
    namespace: fields.text(Register.namespace) ?? '',
    record: fields.bytes(Register.record) ?? new Uint8Array(),
    ttl: fields.small(Register.ttl),
  }
}

function discoverIn(bytes: Uint8Array): RendezvousRequest {
  const fields = fieldsOf(bytes)
  const [namespace, limit, cookie] = [
    fields.text(Discover.namespace),
    fields.small(Discover.limit),
    fields.bytes(Discover.cookie),
  ]
  return { is: 'discover', namespace, limit, cookie }
}

function registeredIn(bytes: Uint8Array): RendezvousResponse {
  const fields = fieldsOf(bytes)
  const status = fields.small(Registered.status) ?? Status.ok
  return { is: 'registered', status, reason: fields.text(Registered.reason) ?? '', ttl: fields.small(Registered.ttl) }
}

function discoveredIn(bytes: Uint8Array): RendezvousResponse {
  const fields = fieldsOf(bytes)
  return {
    is: 'discovered',
    status: fields.small(Discovered.status) ?? Status.ok,
    reason: fields.text(Discovered.reason) ?? '',
    registrations: fields.all(Discovered.registration).map(registrationIn),
    cookie: fields.bytes(Discovered.cookie),
  }
}

function partsOf(body: Uint8Array): { type: number; parts: Fields } {
  const parts = fieldsOf(body)
  const type = parts.small(Message.type)
  if (type === undefined) throw malformed('no type')
  return { type, parts }
}

function needed(parts: Fields, field: number): Uint8Array {
  const inner = parts.bytes(field)
  if (inner === undefined) throw malformed(`no field ${field}`)
  return inner
}

/** The fields of one message, by number: numbers, and bytes with all that a repeated field has. */
class Fields {
  readonly #numbers = new Map<number, bigint>()
  readonly #bytes = new Map<number, Uint8Array[]>()

  constructor(body: Uint8Array) {
    const reader = new ProtobufReader(body, 'rendezvous message')
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (reader.isVarint) this.#numbers.set(field, reader.uint64())
      else if (reader.isBytes) this.#keep(field, reader.bytes())
      else reader.skip()
    }
  }

  #keep(field: number, value: Uint8Array): void {
    const values = this.#bytes.get(field)
    if (values === undefined) this.#bytes.set(field, [value])
    else values.push(value)
  }

  number(field: number): bigint | undefined {
    return this.#numbers.get(field)
  }

  /** As a number of JavaScript; what is too large for one is the largest. */
  small(field: number): number | undefined {
    const value = this.#numbers.get(field)
    return value === undefined ? undefined : Math.min(Number(value), Number.MAX_SAFE_INTEGER)
  }

  bytes(field: number): Uint8Array | undefined {
    return this.#bytes.get(field)?.at(-1)
  }

  text(field: number): string | undefined {
    const bytes = this.bytes(field)
    return bytes && Buffer.from(bytes).toString('utf8')
  }

  all(field: number): readonly Uint8Array[] {
    return this.#bytes.get(field) ?? []
  }
}

function fieldsOf(body: Uint8Array): Fields {
  return new Fields(body)
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'rendezvous message', why })
}
