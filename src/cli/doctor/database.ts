/** The PostgreSQL of the archive: the files that its address names, the server itself, and the replica. Nothing is written. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { type DatabaseLook, type Lag, lookAtDatabase, measureLag } from '../../archive/postgres/look.ts'
import { type TlsFiles, tlsFilesOf } from '../../archive/postgres/tls.ts'
import { messageOf, systemCode } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import type { Settings } from '../../settings/table.ts'
import { showBytes } from '../snapshot.ts'
import { certificatesIn, checkTime } from './certificate.ts'
import { type Examined, type Finding, fail, ok, warn } from './check.ts'
import { checkMode } from './files.ts'

/** Of the setting, its address. */
interface Address {
  readonly flag: string
  readonly url: string
}

/** The archive and its replica, where they are in PostgreSQL. */
function addressesOf({ store, storeMessageDbUrl, storeReadUrl }: Settings): readonly Address[] {
  if (!store) return []
  return [
    { flag: '--store-message-db-url', value: storeMessageDbUrl },
    { flag: '--store-read-url', value: storeReadUrl },
  ].flatMap(({ flag, value }) => (value?.engine === 'postgres' ? [{ flag, url: value.url }] : []))
}

export async function checkDatabaseFiles({ settings }: Examined): Promise<Finding[]> {
  const named = addressesOf(settings).map(({ flag, url }) => ({ flag, files: tlsFilesOf(url) }))
  const each = named.map(async ({ flag, files }) =>
    (await checkFiles(files)).map((finding) => ({ ...finding, says: `${finding.says} (${flag})` })),
  )
  return (await Promise.all(each)).flat()
}

async function checkFiles({ sslrootcert, sslcert, sslkey }: TlsFiles): Promise<Finding[]> {
  const roots = sslrootcert === undefined ? [] : await checkCertificates('sslrootcert', sslrootcert)
  const own = sslcert === undefined ? [] : await checkCertificates('sslcert', sslcert)
  const key = sslkey === undefined ? [] : await checkPrivateKey(sslkey, sslcert)
  return [...roots, ...own, ...key]
}

/** Of several, the first is ours in `sslcert`; of authorities one that holds is enough. */
async function checkCertificates(word: 'sslrootcert' | 'sslcert', file: string): Promise<Finding[]> {
  const text = await textOf(word, file)
  if (typeof text !== 'string') return [text]
  const found = certificatesIn(text).map(certificateOf)
  const [first] = word === 'sslcert' ? found : found.toSorted((a, b) => endOf(b) - endOf(a))
  if (first === undefined) return [fail(`${word}: ${file} holds no certificate`, 'name a file in PEM form')]
  const { says, ...rest } = checkTime(first)
  return [{ ...rest, says: `${word}: ${file}: ${says}` }]
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function endOf(certificate: X509Certificate | undefined): Milliseconds {
  return certificate?.validToDate.getTime() ?? 0
}

async function checkPrivateKey(file: string, certificateFile: string | undefined): Promise<Finding[]> {
  const text = await textOf('sslkey', file)
  if (typeof text !== 'string') return [text]
  // As libpq has it: one of root's may be read by a group.
  const isRoots = (await stat(file)).uid === 0
  const [forbidden, mode] = isRoots ? [0o037, '640'] : [0o077, '600']
  const open = await checkMode({ what: 'sslkey:', file, forbidden, mode })
  const pair = await checkPair(text, file, certificateFile)
  const wrong = [open, pair].filter((finding) => finding !== undefined)
  return wrong.length > 0 ? wrong : [ok(`sslkey: ${file} belongs to sslcert, and nobody else can read it`)]
}

/** Undefined when the two belong together, or there is no certificate to compare with. Errors of OpenSSL may quote the key: they are not told. */
async function checkPair(key: string, file: string, certificateFile = ''): Promise<Finding | undefined> {
  const [pem = ''] = certificatesIn(await readFile(certificateFile, 'utf8').catch(() => ''))
  const certificate = certificateOf(pem)
  try {
    const isPair = certificate?.checkPrivateKey(createPrivateKey(key)) ?? true
    return isPair
      ? undefined
      : fail(`sslkey: ${file} does not belong to sslcert`, 'name the two that were made together')
  } catch {
    return fail(`sslkey: ${file} holds no key that can be used`, 'name a file in PEM form, without a password')
  }
}

async function textOf(word: string, file: string): Promise<string | Finding> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    return fail(
      `${word}: ${file} cannot be read (${systemCode(error)})`,
      'is the path right, and may this user read it?',
    )
  }
}

/** Releases before it lack what partitions need (docs/fleet.md). */
const leastMajor = 14

/** Connects to it: whoever starts the node has it do the same. */
export async function checkDatabaseServer({ settings }: Examined): Promise<Finding[]> {
  const [primary, replica] = addressesOf(settings)
  if (primary === undefined) return []
  const found = await look(primary)
  if ('level' in found) return [found]
  const of = [...checkServer(found, primary), checkSchema(found)]
  return replica === undefined ? of : [...of, ...(await checkReplica(primary, replica, settings))]
}

async function look({ flag, url }: Address): Promise<DatabaseLook | Finding> {
  try {
    return await lookAtDatabase(url)
  } catch (error) {
    const advice = 'is it running, and do its hosts, user, password, database and sslmode fit? docs/fleet.md'
    return fail(`${flag} cannot be used: ${messageOf(error)}`, advice)
  }
}

function checkServer({ version, major, takesWrites }: DatabaseLook, { flag }: Address): Finding[] {
  const old = `PostgreSQL ${version} is too old`
  const first = major < leastMajor ? fail(old, `use ${leastMajor} or later`) : ok(`PostgreSQL ${version} answers`)
  const advice = `name the primary in ${flag}, or several hosts with target_session_attrs=read-write`
  return takesWrites ? [first] : [first, fail('it takes no writes: it is a standby, or read-only', advice)]
}

function checkSchema({ schema, knownSchema, mayCreate }: DatabaseLook): Finding {
  if (schema === undefined)
    return mayCreate
      ? ok('there is no archive in it yet; the first start makes one')
      : fail('there is no archive in it, and this user may not make one', 'grant create on database <it> to <the user>')
  if (schema > knownSchema)
    return fail(`its archive is of a later release (schema ${schema})`, 'run that release, or a later one')
  return ok(`there is an archive in it (schema ${schema}${schema < knownSchema ? '; the next start renews it' : ''})`)
}

async function checkReplica(primary: Address, replica: Address, settings: Settings): Promise<Finding[]> {
  const found = await look(replica)
  if ('level' in found) return [{ ...found, level: 'warn' }]
  try {
    const { storeReadMaxLag: most } = settings
    const lag = await measureLag(primary.url, replica.url, most)
    return [ok(`the replica, PostgreSQL ${found.version}, answers`), lagFinding(lag, most)]
  } catch (error) {
    return [
      fail(`how far the replica is behind cannot be told: ${messageOf(error)}`, 'look into the logs of both servers'),
    ]
  }
}

function lagFinding(lag: Lag, most: Milliseconds): Finding {
  if (lag.is === 'level') return ok('the replica is not behind')
  if (lag.is === 'no replica')
    return warn('what --store-read-url names follows no primary', 'name a replica of the archive, or leave it out')
  const says = `the replica was ${showBytes(Number(lag.bytes))} of log behind`
  if (lag.after !== undefined) return ok(`${says}, and had it after ${(lag.after / 1000).toFixed(1)} s`)
  const advice = 'does it follow the primary? Until it is level, queries go to the primary'
  return warn(`${says}, and lacks it after ${most / 1000} s (--store-read-max-lag)`, advice)
}
