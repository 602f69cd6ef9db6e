/** Asks name servers for TXT records: those of `--dns-addrs-name-server`, or those of the system. */
import { Resolver } from 'node:dns/promises'
import { systemCode, WaypostError } from '../../../core/errors.ts'
import { questionLimits } from './limits.ts'

/**
 * The TXT records of a name, the pieces of each joined; in no order. Throws `dns-tree/look-up-failed`, also when there
 * are none, and what `signal` was aborted with.
 */
export type ResolveTxt = (name: string, signal: AbortSignal) => Promise<readonly string[]>

/** Asks `servers` (`192.0.2.1`, `[2001:db8::1]:5353`) one after the other until one answers; none: those of the system. */
export function txtResolver(servers: readonly string[] = []): ResolveTxt {
  return async (name, signal) => {
    signal.throwIfAborted()
    // One for each question: only a whole resolver can be cancelled.
    const resolver = new Resolver(questionLimits)
    if (servers.length > 0) resolver.setServers(servers)
    const cancel = (): void => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const records = await resolver.resolveTxt(name)
      return records.map((pieces) => pieces.join(''))
    } catch (error) {
      signal.throwIfAborted()
      throw new WaypostError('dns-tree/look-up-failed', { name, why: systemCode(error) }, { cause: error })
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
}
