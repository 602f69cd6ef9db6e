/** What operators sweep a log for. A healthy node has none of it, whatever its clients do. */
import type { Daemon } from './daemon.ts'

const levels = ['warn', 'error', 'fatal']
const words = /\b(crash|fatal|panic|unhandled)/i

/** The lines of a daemon's log that would worry its operator. */
export function complaints({ lines }: Daemon): readonly Record<string, unknown>[] {
  return lines.filter((line) => levels.includes(String(line.level)) || words.test(JSON.stringify(line)))
}
