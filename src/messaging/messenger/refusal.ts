/** What an application asked for and cannot have. */
import { WaypostError } from '../../core/errors.ts'
import { payloadFault } from '../application/content.ts'
import { type PayloadName, readPayload, writePayload } from '../application/payloads.ts'
import { ApplicationType } from '../application/types.ts'
import type { Turn } from './engine.ts'
import type { MessageOf } from './handlers.ts'

export function cannotSend(why: string): WaypostError {
  return new WaypostError('messaging/cannot-send', { why })
}

/** A payload as a receiver reads it; what receivers would refuse is refused here. Throws `messaging/cannot-send`. */
export function checked<Name extends PayloadName>(name: Name, draft: object, { now }: Turn): MessageOf<Name> {
  const payload = readPayload(ApplicationType[name], writePayload(name, draft as never))
  const fault = typeof payload === 'string' ? payload : payloadFault(payload, now)
  if (typeof payload === 'string' || fault !== undefined) throw cannotSend(fault ?? 'malformed')
  return payload.message as MessageOf<Name>
}
