/** Writes the frames of gossipsub: what we say ourselves, and what we pass on as it came. */
import { ProtobufWriter } from '../../../core/protobuf.ts'
import { frame } from '../../../net/frames.ts'
import type { Ihave, Prune, Subscription } from './rpc.ts'

/** What one frame says beside messages. Ids are of 32 bytes. */
export interface Said {
  readonly subscriptions?: readonly Subscription[]
  readonly ihave?: readonly Ihave[]
  readonly iwant?: readonly Uint8Array[]
  readonly graft?: readonly string[]
  readonly prune?: readonly Prune[]
  readonly idontwant?: readonly Uint8Array[]
}

/** A frame that says `said`. */
export function frameOf({ subscriptions = [], ...control }: Said): Uint8Array {
  const rpc = new ProtobufWriter()
  for (const { subscribe, topic } of subscriptions)
    rpc.bytes(1, new ProtobufWriter().bool(1, subscribe).string(2, topic).finish())
  const body = controlOf(control)
  if (body.length > 0) rpc.bytes(3, body)
  return frame(rpc.finish())
}

function controlOf({ ihave = [], iwant, graft = [], prune = [], idontwant }: Said): Uint8Array {
  const control = new ProtobufWriter()
  for (const { topic, ids } of ihave) control.bytes(1, withIds(new ProtobufWriter().string(1, topic), 2, ids))
  if (iwant !== undefined) control.bytes(2, withIds(new ProtobufWriter(), 1, iwant))
  for (const topic of graft) control.bytes(3, new ProtobufWriter().string(1, topic).finish())
  for (const one of prune) control.bytes(4, pruneOf(one))
  if (idontwant !== undefined) control.bytes(5, withIds(new ProtobufWriter(), 1, idontwant))
  return control.finish()
}

function withIds(writer: ProtobufWriter, field: number, ids: readonly Uint8Array[]): Uint8Array {
  for (const id of ids) writer.bytes(field, id)
  return writer.finish()
}

function pruneOf({ topic, backoff }: Prune): Uint8Array {
  const prune = new ProtobufWriter().string(1, topic)
  if (backoff !== undefined) prune.uint64(3, BigInt(backoff))
  return prune.finish()
}
