/**
 * Keeps a certificate for a name in two files, renewed in time: with a third of its time left, as authorities advise, and
 * again later when that fails. Whoever serves it follows the files (`certificate-watch.ts`).
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf, systemCode, WaypostError } from '../../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemClock, systemSchedule } from '../../core/time.ts'
import { replaceFile } from '../../files/whole-file.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { backoff } from '../backoff.ts'
import { type CertificateFiles, isFor, readCertificate } from '../certificate.ts'
import { AcmeClient } from './client.ts'
import { selfSigned } from './der.ts'
import type { Proof } from './proof.ts'

/** Part of its time that a certificate has left when it is renewed. */
const renewAt = 1 / 3

/** Up to so much of that is taken off by chance, so that those who began together do not come together. */
const jitter = 0.1

/** After a failure: authorities let a name fail five times an hour. */
const retry = { first: 15 * 60_000, most: 12 * 3_600_000 }

/** A timer takes no longer; then it is looked again. */
const longestWait: Milliseconds = 24 * 3_600_000

/** What stands in for a certificate until there is one: nobody trusts it. */
const standInTime: Milliseconds = 7 * 24 * 3_600_000

export interface KeeperParts {
  /** A name, or all names below one: `*.example.org`. */
  readonly domain: string
  readonly email?: string | undefined
  readonly directoryUrl: string
  readonly files: CertificateFiles
  /** The key of our account with the authority; made when it is not there. */
  readonly accountKeyFile: string
  /** Opens what proves that the name is ours, for one order. Throws `acme/failed`. */
  readonly prove: (signal: AbortSignal) => Promise<Proof> | Proof
  /** What an order needs and is not there; then none is made until `lookAgain` finds it. */
  readonly missing?: () => string | undefined
  readonly metrics: Metrics
  readonly log: Log
  readonly clock?: Clock
  readonly schedule?: Schedule
  readonly random?: () => number
  readonly pollInterval?: Milliseconds
}

export class CertificateKeeper implements AsyncDisposable {
  readonly #parts: Required<Omit<KeeperParts, 'email' | 'pollInterval' | 'missing'>> & KeeperParts
  readonly #stop = new AbortController()
  #failures = 0
  #missing: string | undefined
  #trouble: string | undefined = 'it was not looked at yet'
  #cancel = () => {}
  #working: Promise<void>

  /** Begins at once. */
  constructor(parts: KeeperParts) {
    this.#parts = { clock: systemClock, schedule: systemSchedule, random: Math.random, ...parts }
    parts.metrics.waypost_acme_failures.set(0)
    this.#working = this.#look()
  }

  /** Why there is no certificate of an authority, or no new one when it is time; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** To be called when what was missing may be there. */
  lookAgain(): void {
    if (this.#missing === undefined || this.#parts.missing?.() !== undefined) return
    this.#missing = undefined
    this.#cancel()
    this.#wait(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#working
  }

  async #look(): Promise<void> {
    const { domain, metrics, log, clock } = this.#parts
    let wait: Milliseconds
    try {
      const isDue = (await dueAt(this.#parts)) <= clock()
      if (isDue && this.#lacks()) return this.#wait(longestWait)
      if (isDue) await this.#renew()
      this.#failures = 0
      this.#trouble = undefined
      wait = (await dueAt(this.#parts)) - clock()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#trouble = messageOf(error)
      log.warn({ domain, reason: this.#trouble }, 'no new certificate, the one in use is kept')
      wait = backoff(this.#failures, retry)
      this.#failures += 1
    }
    metrics.waypost_acme_failures.set(this.#failures)
    this.#wait(Math.min(longestWait, Math.max(retry.first / 2, wait)))
  }

  /** Says once what an order lacks. */
  #lacks(): boolean {
    const { domain, log, missing } = this.#parts
    const lacks = missing?.()
    if (lacks !== undefined && lacks !== this.#missing) log.warn({ domain, reason: lacks }, 'no certificate yet')
    this.#missing = lacks
    this.#trouble = lacks ?? this.#trouble
    return lacks !== undefined
  }

  async #renew(): Promise<void> {
    const { domain, files, log } = this.#parts
    await this.#order()
    log.info({ domain, file: files.certificateFile }, 'certificate ordered and received')
  }

  #wait(wait: Milliseconds): void {
    if (this.#stop.signal.aborted) return
    this.#cancel = this.#parts.schedule(() => {
      this.#working = this.#look()
    }, wait)
  }

  async #order(): Promise<void> {
    const { domain, email, directoryUrl, files, accountKeyFile, prove, pollInterval } = this.#parts
    const accountKey = await keyIn(accountKeyFile)
    const { signal } = this.#stop
    await using proof = await prove(signal)
    const client = new AcmeClient({ directoryUrl, accountKey, email, signal, pollInterval })
    const key = newKey()
    const cert = await client.certificate({ domain, key, proof })
    if (!isOurs(cert, domain, key))
      throw new WaypostError('acme/failed', { step: 'certificate', why: 'it is not ours' })
    await write(files, key, cert)
  }
}

/** Puts a certificate that nobody trusts where there is none yet, so that the port can be opened. */
export async function standIn({
  domain,
  files,
  clock = systemClock,
}: Pick<KeeperParts, 'domain' | 'files' | 'clock'>): Promise<void> {
  try {
    await readCertificate(files)
  } catch {
    const key = newKey()
    const now = clock()
    await mkdir(path.dirname(files.keyFile), { recursive: true, mode: 0o700 })
    await write(files, key, selfSigned(domain, key, new Date(now - 60_000), new Date(now + standInTime)))
  }
}

/** When the certificate in the files is to be renewed: at once when it is none of an authority's, or for another name. */
async function dueAt({ files, domain, random }: Pick<KeeperParts, 'files' | 'domain'> & { random: () => number }) {
  const { cert, key } = await readCertificate(files)
  const { issuer, subject, validFromDate, validToDate } = new X509Certificate(cert)
  if (issuer === subject || !isOurs(cert, domain, createPrivateKey(key))) return 0
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()]
  return to - (to - from) * (renewAt + jitter * random())
}

function isOurs(cert: string, domain: string, key: KeyObject): boolean {
  try {
    const certificate = new X509Certificate(cert)
    return certificate.checkPrivateKey(key) && isFor(certificate, domain)
  } catch {
    return false
  }
}

/** The key first: who reads in between sees two that are no pair, and looks again. */
async function write({ keyFile, certificateFile }: CertificateFiles, key: KeyObject, cert: string): Promise<void> {
  await replaceFile(keyFile, key.export({ type: 'pkcs8', format: 'pem' }).toString())
  await replaceFile(certificateFile, cert)
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** The key in the file, which is made when it is not there. Throws `acme/failed`. */
async function keyIn(file: string): Promise<KeyObject> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw new WaypostError('acme/failed', { step: 'account', why: `${file}: ${systemCode(error)}` })
  })
  if (text !== undefined) return parseKey(file, text)
  const key = newKey()
  await replaceFile(file, key.export({ type: 'pkcs8', format: 'pem' }).toString())
  return key
}

function parseKey(file: string, text: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch {
    // OpenSSL's errors are known to quote what they could not parse.
    throw new WaypostError('acme/failed', { step: 'account', why: `${file} holds no private key` })
  }
}
