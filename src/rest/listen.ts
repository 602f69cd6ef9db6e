/** Where an HTTP server listens, and what to say when it cannot. */

export interface ListenOptions {
  readonly address: string
  readonly port: number
}

export interface HttpServer extends AsyncDisposable {
  /** Where it listens, with the real port: `http://127.0.0.1:8645`. */
  readonly url: string
}

/** The cause of a failed listen, and what to do, for a person. */
export function whyNot(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') return 'the port is in use: stop what uses it, or choose another port'
  if (code === 'EACCES') return 'not permitted: ports below 1024 need a privilege'
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address'
  return error instanceof Error ? error.message : String(error)
}
