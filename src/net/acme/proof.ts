/** How a name is proved to be ours (RFC 8555, 8): on a web server of it, or in its DNS. */
import type { Milliseconds } from '../../core/time.ts'

export interface Proof extends AsyncDisposable {
  readonly type: 'http-01' | 'dns-01'
  /** Has the authority find the proof once this settles, for as long as we are not disposed of. */
  show(token: string, keyAuthorization: string): void | Promise<void>
}

/** Between two looks at what others do, and for all of them. */
export const pollInterval: Milliseconds = 2000
export const mostPolls = 60
