/** Whether the bytes of a row are what they are stored under. A disk that lies is found out here. */
import { openEnvelope } from '../core/envelope.ts'
import type { Row } from './backend.ts'

/** False: the message is lost, or its bytes hash to something else. */
export function isIntact({ hash, data }: Row): boolean {
  try {
    return data !== undefined && openEnvelope(data.pubsubTopic, data.bytes, 0).hash === hash
  } catch {
    // Not a message any more.
    return false
  }
}
