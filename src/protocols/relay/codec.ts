/**
 * 11/WAKU2-RELAY: gossipsub under a protocol id of Waku's own,
 * https://github.com/vacp2p/rfc-index/blob/155c310d7bfa/docs/messaging/standards/core/11/relay.md
 *
 * `data` of a gossipsub message is one encoded WakuMessage, its topic the pubsub topic; from, seqno, signature and key
 * are absent (StrictNoSign).
 */
import { hash as digest } from 'node:crypto'

export const relayProtocol = '/vac/waku/relay/2.0.0'

/** The ids we speak, the preferred one first: as nwaku, which keeps the ids of gossipsub behind Waku's. */
export const relayProtocols = [relayProtocol, '/meshsub/1.2.0', '/meshsub/1.1.0', '/meshsub/1.0.0']

/** The gossip id of a message: sha256 over the bytes alone. The topic has no part in it. */
export function messageId(data: Uint8Array): Uint8Array {
  return digest('sha256', data, 'buffer')
}

/** The gossip id of a message as a short string, for our own router. */
export function messageIdKey(data: Uint8Array): string {
  return digest('sha256', data, 'latin1')
}

/** A gossip id as a short string: one character a byte, so that a seen cache of it stays small. */
export function messageIdText(id: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(id, 0, id.length)
}
