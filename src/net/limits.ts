/**
 * What bounds the connections of a node, and how much memory they can take together at the worst.
 *
 * js-libp2p's defaults (300 connections, 1,000 streams each, 4 MiB to read and no bound to write on every stream) add up
 * to more than a terabyte. These are cut to what Waku needs; each is an option of the host.
 */
import type { Milliseconds } from '../core/time.ts'

export const KiB = 1024
export const MiB = 1024 * KiB

export interface HostLimits {
  /** Connections, both directions together. nwaku's switch: 300. */
  readonly connections: number
  /** Inbound connections from one IP address (one /64 in IPv6); 0 is no limit. Loopback and trusted proxies have none. */
  readonly connectionsPerAddress: number
  /**
   * Inbound connections from one public network (a /24, in IPv6 a /48); 0 is no limit. Whoever has bought one cannot fill
   * the node from it.
   */
  readonly connectionsPerSubnet: number
  /** Of the connections, those that are kept for peers whom this node dials: strangers cannot have them. */
  readonly reservedConnections: number
  /** Inbound connections without an identity yet. One more closes the one that has waited longest. */
  readonly pendingConnections: number
  /** From the accepted socket to an identity: TLS, HTTP upgrade, Noise and the muxer's negotiation. */
  readonly openTimeout: Milliseconds
  /** Of these, Noise and the muxer's negotiation. */
  readonly handshakeTimeout: Milliseconds
  /** Bytes that a connection may send before it has an identity, and the largest WebSocket message at any time. */
  readonly pendingBytes: number
  /** Peers remembered that are not connected. nwaku's peer store: 5 for each connection. */
  readonly knownPeers: number
  /** Streams that a peer may hold open on one connection, all protocols together. A js-waku client keeps about ten. */
  readonly streams: number
  /** Streams that a peer may open on one connection in a second; above, the connection is closed. */
  readonly streamsPerSecond: number
  /** Bytes received on one stream that its protocol has not taken yet: at least the largest gossip frame. */
  readonly streamReadBytes: number
  /** Bytes sent on one stream that the peer has not taken yet: at least the largest answer of a protocol. */
  readonly streamWriteBytes: number
  /** Bytes of all streams of a connection that wait for its socket: each stream hands over one part of its answer. */
  readonly connectionWriteBytes: number
  /** Bytes that all connections together may hold for their peers: read and not taken, half a frame, written and not sent. */
  readonly bufferedBytes: number
}

/**
 * The default limits for messages of at most `maxMessageBytes`. What a message passes through derives from its size
 * (docs/decisions): a WebSocket message max(1 MiB, M + 64 KiB), a gossip frame max(1 MiB, 2 M + 64 KiB).
 */
export function hostLimits(maxMessageBytes: number): HostLimits {
  return {
    connections: 300,
    connectionsPerAddress: 50,
    connectionsPerSubnet: 75,
    reservedConnections: 0,
    pendingConnections: 200,
    openTimeout: 5000,
    handshakeTimeout: 3000,
    pendingBytes: Math.max(MiB, maxMessageBytes + 64 * KiB),
    knownPeers: 1500,
    streams: 64,
    streamsPerSecond: 1000,
    streamReadBytes: Math.max(MiB, 2 * maxMessageBytes + 64 * KiB),
    // A store answer is one page of at most 3 MiB or one message, and its frame.
    streamWriteBytes: 4 * MiB,
    connectionWriteBytes: 16 * MiB,
    bufferedBytes: 512 * MiB,
  }
}

/** Bytes of one mplex frame: its specification, https://github.com/libp2p/specs/blob/master/mplex/README.md. */
export const mplexFrameBytes = MiB

/** Bytes of one record of the secure channel, which it collects before it can tell what it says: Noise, revision 34, section 3. */
export const noiseRecordBytes = 64 * KiB

/** Bytes that a muxer may collect of one frame, and the chunk that completes it: noise delivers 64 KiB at the most. */
export function muxerBytes({ streamReadBytes }: HostLimits): number {
  return Math.max(mplexFrameBytes, streamReadBytes) + 64 * KiB
}

/**
 * Bytes that peers can make the node hold when each connection and each stream does its worst: a WebSocket message, a
 * record, a muxer frame and a gossip frame that never end on every connection, all newcomers at their limit, and the common
 * allowance for buffers and unfinished requests spent. Messages, the archive and the JavaScript heap come on top.
 */
export function worstCaseMemory(limits: HostLimits): number {
  const { connections, pendingConnections, pendingBytes, streamReadBytes, bufferedBytes } = limits
  const connection = pendingBytes + noiseRecordBytes + muxerBytes(limits) + streamReadBytes
  return connections * connection + pendingConnections * pendingBytes + bufferedBytes
}
