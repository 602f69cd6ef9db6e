/** Ids and names within payloads. */
import { text } from '../schema.ts'

/** An id or a name. The longest id, of a private group, has 169 bytes. */
export const nameText = text(1024)
