/**
 * Reads the frames of gossipsub: `RPC` of https://github.com/libp2p/specs/blob/master/pubsub/README.md ("The RPC"), with the
 * control messages of v1.0, v1.1 and v1.2.
 *
 * Messages are found where they lie, as places in the frame, since nearly every frame is one message and nothing else.
 * What is rare is read in the ordinary way. Of each repeated field so much is read as a peer may send at once: the rest
 * is passed over.
 */
import { WaypostError } from '../../../core/errors.ts'
import { ProtobufReader } from '../../../core/protobuf.ts'
import { controlEntries, idBytes, idontwantIds, ihaveIds, rpcMessages, rpcSubscriptions } from './bounds.ts'
import { FieldCursor } from './field-cursor.ts'

export interface Subscription {
  readonly topic: string
  readonly subscribe: boolean
}

export interface Ihave {
  readonly topic: string
  readonly ids: readonly Uint8Array[]
}

export interface Prune {
  readonly topic: string
  /** Seconds, as the peer says; undefined when it does not, as in v1.0. */
  readonly backoff: number | undefined
}

export interface Control {
  readonly ihave: readonly Ihave[]
  readonly iwant: readonly Uint8Array[]
  readonly graft: readonly string[]
  readonly prune: readonly Prune[]
  readonly idontwant: readonly Uint8Array[]
}

export interface Rpc {
  /** The messages: from, to, from, to, ... in the frame's buffer. */
  readonly publish: readonly number[]
  readonly subscriptions: readonly Subscription[] | undefined
  readonly control: Control | undefined
}

const fields = { subscriptions: 1, publish: 2, control: 3 } as const

const cursor = new FieldCursor('RPC')

/** Reads the body of a frame. Throws `wire/malformed`. */
export function readRpc(buffer: Uint8Array, start: number, end: number): Rpc {
  const publish: number[] = []
  let subscriptions: Subscription[] | undefined
  let control: ControlLists | undefined
  cursor.enter(buffer, start, end)
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field > fields.control) continue
    if (!cursor.isBytes) throw new WaypostError('wire/malformed', { what: 'RPC', why: `field ${field} is no message` })
    const { from, to } = cursor
    if (field === fields.publish) {
      if (publish.length < 2 * rpcMessages) publish.push(from, to)
    } else if (field === fields.subscriptions) {
      subscriptions ??= []
      if (subscriptions.length < rpcSubscriptions) subscriptions.push(readSubscription(buffer.subarray(from, to)))
    } else {
      control ??= { ihave: [], iwant: [], graft: [], prune: [], idontwant: [] }
      readControl(buffer.subarray(from, to), control)
    }
  }
  return { publish, subscriptions, control }
}

function readSubscription(bytes: Uint8Array): Subscription {
  const reader = new ProtobufReader(bytes, 'SubOpts')
  let [subscribe, topic] = [false, '']
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) subscribe = reader.bool()
    else if (field === 2) topic = reader.string()
    else reader.skip()
  }
  return { subscribe, topic }
}

/** A control message as it is being read. */
type ControlLists = { readonly [Kind in keyof Control]: Control[Kind][number][] }

/** What to do with each field of a control message, by its number. */
const readers: Readonly<Record<number, (bytes: Uint8Array, lists: ControlLists) => void>> = {
  1: (bytes, { ihave }) => ihave.length < controlEntries && ihave.push(readIhave(bytes)),
  2: (bytes, { iwant }) => readIds(bytes, iwant, ihaveIds),
  3: (bytes, { graft }) => graft.length < controlEntries && graft.push(readTopic(bytes)),
  4: (bytes, { prune }) => prune.length < controlEntries && prune.push(readPrune(bytes)),
  5: (bytes, { idontwant }) => readIds(bytes, idontwant, idontwantIds),
}

function readControl(bytes: Uint8Array, lists: ControlLists): void {
  const reader = new ProtobufReader(bytes, 'ControlMessage')
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const read = readers[field]
    if (read === undefined) reader.skip()
    else read(reader.bytes(), lists)
  }
}

function readIhave(bytes: Uint8Array): Ihave {
  const reader = new ProtobufReader(bytes, 'ControlIHave')
  const ids: Uint8Array[] = []
  let topic = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) topic = reader.string()
    else if (field === 2) keepId(reader.bytes(), ids, ihaveIds)
    else reader.skip()
  }
  return { topic, ids }
}

/** ControlIWant and ControlIDontWant: ids and nothing else. */
function readIds(bytes: Uint8Array, ids: Uint8Array[], most: number): void {
  const reader = new ProtobufReader(bytes, 'ControlIWant')
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) keepId(reader.bytes(), ids, most)
    else reader.skip()
  }
}

/** An id of another length is the id of no message of Waku's. */
function keepId(id: Uint8Array, ids: Uint8Array[], most: number): void {
  if (ids.length < most && id.length === idBytes) ids.push(id)
}

function readTopic(bytes: Uint8Array): string {
  const reader = new ProtobufReader(bytes, 'ControlGraft')
  let topic = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) topic = reader.string()
    else reader.skip()
  }
  return topic
}

/** Records of other peers (PX, field 2) are passed over: whom we dial is not for a peer to say. */
function readPrune(bytes: Uint8Array): Prune {
  const reader = new ProtobufReader(bytes, 'ControlPrune')
  let topic = ''
  let backoff: number | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) topic = reader.string()
    else if (field === 3) backoff = Number(reader.uint64())
    else reader.skip()
  }
  return { topic, backoff }
}
