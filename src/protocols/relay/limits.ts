/** What bounds relay. M is the largest encoded message that the network allows. */

const kib = 1024
const mib = 1024 * kib

/** Bytes of one gossipsub frame: two messages of the largest size and control beside them, 1 MiB at least. */
export function rpcBytes(maxMessageBytes: number): number {
  return Math.max(mib, 2 * maxMessageBytes + 64 * kib)
}

/**
 * Bytes that wait for one relay peer at the most. A peer that falls further behind loses its stream: eight of the
 * largest frames, some seconds of a full shard (64/WAKU2-NETWORK: 10 Mbit/s).
 */
export function outboundBytes(maxMessageBytes: number): number {
  return 8 * rpcBytes(maxMessageBytes)
}

/** Gossip streams that one connection may open: one is used, a second may overlap while it is replaced. */
export const inboundStreams = 10

/** Bytes of data from which IDONTWANT is worth its own frame: below, the message follows at once anyway (measured). */
export const idontwantBytes = 16 * kib
