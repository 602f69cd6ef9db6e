/** Asks the node for its overview. The token, where one is needed, stays in this tab and goes into a header, never into an address. */
import type { Overview } from '../overview.ts'

/** A node that is well answers within milliseconds; the way may be long. */
const patience = 8000

const tokenKey = 'waypost-token'

export type Told =
  | { readonly outcome: 'overview'; readonly overview: Overview }
  | { readonly outcome: 'token-needed' }
  | { readonly outcome: 'no-answer'; readonly why: string }

export function keepToken(token: string): void {
  sessionStorage.setItem(tokenKey, token)
}

export function forgetToken(): void {
  sessionStorage.removeItem(tokenKey)
}

export function hasToken(): boolean {
  return sessionStorage.getItem(tokenKey) !== null
}

/** The state now, and the samples of `range` later than `since`. */
export async function askOverview(range: string, since: number): Promise<Told> {
  const token = sessionStorage.getItem(tokenKey)
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
  try {
    const target = `/waypost/v1/overview?range=${range}&since=${since}`
    const response = await fetch(target, { headers, cache: 'no-store', signal: AbortSignal.timeout(patience) })
    if (response.status === 401) return { outcome: 'token-needed' }
    if (!response.ok) return { outcome: 'no-answer', why: `it answers ${response.status}` }
    return { outcome: 'overview', overview: await response.json() }
  } catch {
    return { outcome: 'no-answer', why: 'it does not answer' }
  }
}
