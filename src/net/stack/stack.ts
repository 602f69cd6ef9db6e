/**
 * What carries a connection, from the socket to its streams: made of pieces, each of which is our own or the stock one,
 * so that a fault in the field can be told apart.
 */
import type { Libp2pInit } from 'libp2p'
import type { HostLimits } from '../limits.ts'
import { withEachConnection } from './each-connection.ts'
import { noise } from './noise/secure-channel.ts'
import { writeAtOnce } from './one-write.ts'
import { stockStack } from './stock.ts'
import { Yamux } from './yamux/yamux.ts'

/** The pieces that can be the stock ones. The router stands on the stack, and is chosen where relay is mounted. */
export const stackPieces = ['transport', 'secure-channel', 'muxer', 'router'] as const
export type StackPiece = (typeof stackPieces)[number]

export interface Stack {
  readonly tcp: Factory<'transports'>
  readonly websockets: Factory<'transports'>
  /** In the order of preference. */
  readonly muxers: readonly Factory<'streamMuxers'>[]
  readonly secureChannel: Factory<'connectionEncrypters'>
}

type Factory<Kind extends 'transports' | 'streamMuxers' | 'connectionEncrypters'> = NonNullable<
  Libp2pInit[Kind]
>[number]

/** Private key and certificate chain, PEM. */
export interface Tls {
  readonly key: string
  readonly cert: string
}

export interface StackOptions {
  readonly limits: HostLimits
  /** For a secure WebSocket listener. */
  readonly tls?: Tls | undefined
}

/** The stack with the pieces in `stock` as they come, and the others our own. */
export function openStack(options: StackOptions, stock: ReadonlySet<StackPiece>): Stack {
  const asTheyCome = stockStack(options)
  const [, ...otherMuxers] = asTheyCome.muxers
  return {
    ...asTheyCome,
    ...(!stock.has('transport') && {
      tcp: withEachConnection(asTheyCome.tcp, writeAtOnce),
      websockets: withEachConnection(asTheyCome.websockets, writeAtOnce),
    }),
    ...(!stock.has('secure-channel') && { secureChannel: noise() }),
    ...(!stock.has('muxer') && { muxers: [() => new Yamux(options.limits), ...otherMuxers] }),
  }
}
