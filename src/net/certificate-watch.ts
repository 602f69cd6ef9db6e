/**
 * Takes up a certificate that is renewed on disk. The files are read again every few seconds, not watched: renewals
 * replace symbolic links, mounts of secrets swap whole folders, and network disks tell nothing.
 */
import { X509Certificate } from 'node:crypto'
import { messageOf } from '../core/errors.ts'
import { type Milliseconds, type Schedule, systemSchedule } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import { type CertificateFiles, readCertificate } from './certificate.ts'
import type { Tls } from './stack/stack.ts'

/** Between two looks. A change counts when two looks in a row see it: key and certificate are written one after the other. */
const lookInterval: Milliseconds = 5000

export interface CertificateWatchParts {
  readonly files: CertificateFiles
  /** What is served now. */
  readonly held: Tls
  readonly renew: (tls: Tls) => void
  readonly log: Log
  readonly schedule?: Schedule
}

/** What a look saw: the files, or why they cannot be used. `id` tells one from another. */
type Seen = { readonly id: string; readonly tls: Tls } | { readonly id: string; readonly why: string }

export class CertificateWatch implements AsyncDisposable {
  readonly #parts: Required<CertificateWatchParts>
  #files: CertificateFiles
  #tls: Tls
  #held: string
  #seen: string
  #refused = ''
  #cancel = () => {}
  #looking: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(parts: CertificateWatchParts) {
    this.#parts = { schedule: systemSchedule, ...parts }
    this.#files = parts.files
    this.#tls = parts.held
    this.#held = idOf(parts.held)
    this.#seen = this.#held
    this.#wait()
  }

  /** True when `tls` is what is served. */
  holds(tls: Tls): boolean {
    return idOf(tls) === this.#held
  }

  /** When what is served ends. */
  get ends(): Milliseconds {
    return new X509Certificate(this.#tls.cert).validToDate.getTime()
  }

  /** Serves `tls` from now on, and follows the files that it came from. */
  use(files: CertificateFiles, tls: Tls): void {
    this.#files = files
    this.#tls = tls
    this.#held = idOf(tls)
    this.#seen = this.#held
    this.#parts.renew(tls)
    this.#parts.log.info({ file: files.certificateFile, until: validUntil(tls) }, 'certificate renewed')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#looking
  }

  #wait(): void {
    if (this.#stopped) return
    this.#cancel = this.#parts.schedule(() => {
      this.#looking = this.#look().finally(() => this.#wait())
    }, lookInterval)
  }

  async #look(): Promise<void> {
    const files = this.#files
    const seen = await see(files)
    // Meanwhile a reload may have named others.
    if (files !== this.#files || this.#stopped) return
    const settled = seen.id === this.#seen
    this.#seen = seen.id
    if (!settled || seen.id === this.#held || seen.id === this.#refused) return
    if ('tls' in seen) this.use(files, seen.tls)
    else this.#refuse(seen.id, seen.why)
  }

  #refuse(id: string, why: string): void {
    this.#refused = id
    this.#parts.log.warn({ reason: why }, 'certificate on disk is not usable, the one in use is kept')
  }
}

/** When the certificate ends, as it says itself. */
export function validUntil({ cert }: Tls): string {
  return new X509Certificate(cert).validTo
}

async function see(files: CertificateFiles): Promise<Seen> {
  try {
    const tls = await readCertificate(files)
    return { id: idOf(tls), tls }
  } catch (error) {
    const why = messageOf(error)
    return { id: why, why }
  }
}

function idOf({ key, cert }: Tls): string {
  return `${cert}${key}`
}
