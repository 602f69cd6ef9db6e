/**
 * All guards on a stack: from the first byte of a socket to the last stream of a connection.
 */
import type { HostLimits } from '../limits.ts'
import type { Stack } from '../stack/stack.ts'
import type { Budget } from './budget.ts'
import type { DialRules } from './dial-rules.ts'
import type { Gate, Refusal } from './gate.ts'
import { guardMuxer, type MuxerRefusal } from './muxer.ts'
import type { Traffic } from './traffic.ts'
import { type DialStep, guardTransport } from './transport.ts'
import { closeWithConnection, guardWebSocket } from './websocket.ts'

/** What closed a connection: the label of `waypost_connections_refused_total`. */
export type Guard = Refusal | MuxerRefusal | 'memory'

export interface StackGuard {
  readonly gate: Gate
  readonly budget: Budget
  readonly traffic: Traffic
  readonly rules?: DialRules | undefined
  readonly dial: (step: DialStep) => void
  readonly limits: HostLimits
  readonly refused: (guard: Guard) => void
}

/** The same stack, guarded. */
export function guardStack(stack: Stack, { gate, budget, traffic, rules, dial, limits, refused }: StackGuard): Stack {
  const websocket = { gate, maxPayload: limits.pendingBytes, refused: () => refused('websocket') }
  return {
    tcp: guardTransport(stack.tcp, { gate, budget, traffic, rules, dial, limits }),
    websockets: guardTransport(stack.websockets, {
      gate,
      budget,
      traffic,
      rules,
      dial,
      limits,
      prepare: (listener) => guardWebSocket(listener, websocket),
      dialled: closeWithConnection,
    }),
    secureChannel: stack.secureChannel,
    muxers: stack.muxers.map((muxer) => guardMuxer(muxer, { limits, budget, refused })),
  }
}
