/** What bounds one session, beside the limits of the host: streams, opens in a second, bytes that wait. */
import type { Milliseconds } from '../../../core/time.ts'
import { KiB } from '../../limits.ts'

/** Body of one data frame that we send: a batch of pushes, which is as long, is one frame. */
export const dataFrameBytes = 64 * KiB

/**
 * Bytes of a peer's first window that we use. The specification says 262,144; until July 2026 nim-libp2p, and so nwaku,
 * granted 256,000 and reset whoever sent more.
 */
export const usedFirstWindow = 256_000

/** What a peer may have granted at once: lengths have 32 bits, and so has the sum in other implementations. */
export const maxSendWindow = 2 ** 32 - 1

/** Streams that we hold open on one connection. libp2p bounds them for each protocol, far below. */
export const outboundStreams = 1000

/**
 * Streams of ours that the peer has not acknowledged yet.
 * https://github.com/libp2p/specs/blob/master/yamux/README.md, "ACK backlog": 256.
 */
export const ackBacklog = 256

/** Pings of a peer in a second. go-libp2p and rust-libp2p send one in ten seconds or more. */
export const pingsPerSecond = 100

/**
 * Frames in a second that do nothing: for streams that are gone, or updates of nothing. A peer that has much under way on
 * streams that we reset sends some thousands.
 */
export const idleFramesPerSecond = 50_000

/** As the stock muxer is set: a session that is silent otherwise stays known to the routers between. */
export const pingInterval: Milliseconds = 5 * 60_000

/** For a peer that has said goodbye to take what was sent to it before. */
export const partingTimeout: Milliseconds = 5000

/** Bytes in one piece of what a paused stream holds. */
export const blockBytes = { first: 512, most: 64 * KiB } as const

/** Bytes that an async iteration over a stream keeps of what came before it asked; above, it pauses the stream. */
export const iteratedBytes = 64 * KiB
