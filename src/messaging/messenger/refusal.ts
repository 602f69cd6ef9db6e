/** What an application asked for and cannot have. */
import { WaypostError } from '../../core/errors.ts'

export function cannotSend(why: string): WaypostError {
  return new WaypostError('messaging/cannot-send', { why })
}
