/** `waypost store`: the archive of a node as a whole, whether it runs or not. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { type ExportPart, readExport } from '../../archive/export/decoder.ts'
import { ExportEncoder } from '../../archive/export/encoder.ts'
import type { ExportHeader, ExportRecord, ExportSelection } from '../../archive/export/format.ts'
import type { SqliteMessage } from '../../archive/nwaku-sqlite.ts'
import { openEnvelope } from '../../core/envelope.ts'
import { WaypostError } from '../../core/errors.ts'
import { type Nanoseconds, toMilliseconds, toNanoseconds } from '../../core/time.ts'
import type { StoreStats } from '../../rest/routes/store-admin.ts'
import { retention } from '../../settings/kinds/policy.ts'
import { action } from '../action.ts'
import { writeJson } from '../exact-json.ts'
import { exits } from '../exit-codes.ts'
import { type Begun, ExportFile, fileBytes, readBegun } from '../export-file.ts'
import { interruption } from '../interrupt.ts'
import { columns, type OutputOptions, remark, show, textOutput, writeBytes } from '../output.ts'
import { printable } from '../printable.ts'
import { withRestOptions } from '../rest-client.ts'
import { shownEnvelope } from '../shown-message.ts'
import { showBytes } from '../snapshot.ts'
import { openStoreAccess, type StoreAccess, type StoreOptions } from '../store-access.ts'
import { watched } from '../store-export.ts'
import { ImportSummary, importAll } from '../store-import.ts'
import { pubsubTopicArgument, repeated, timeArgument } from '../topic-options.ts'
import { version } from '../version.ts'
import { addStoreMigrate } from './store-migrate.ts'
import { addStoreRepair } from './store-repair.ts'
import { addStoreVerify } from './store-verify.ts'

interface ExportOptions extends StoreOptions, OutputOptions {
  readonly to: string
  readonly since?: Nanoseconds
  readonly until?: Nanoseconds
  readonly contentTopic?: readonly string[]
  readonly pubsubTopic?: string
  readonly resume?: boolean
  readonly jsonl?: boolean
}

interface ImportOptions extends StoreOptions, OutputOptions {
  readonly fromSqlite?: string
  readonly otherHashes?: boolean
}

export function addStore(program: Command): void {
  const store = program
    .command('store')
    .description('The archive of a node: figures, export, import, and whether it is whole')
  withStoreOptions(store.command('stats'))
    .description('How many messages, from when to when, on how much disk')
    .option('--json', 'one line of JSON')
    .action(action(stats))
  withStoreOptions(store.command('export'))
    .description('Write all stored messages, or some, into a file that an import takes (docs/export-format.md)')
    .requiredOption('--to <file>', 'the file to write, or - for standard output')
    .option('--since <time>', 'from then on: 2h ago, or a date', (text) => timeArgument(text))
    .option('--until <time>', 'up to then', (text) => timeArgument(text))
    .option('--content-topic <topic>', 'only of this content topic; repeatable', repeated)
    .option('--pubsub-topic <topic>', 'only of this shard: /waku/2/rs/<cluster>/<shard>', pubsubTopicArgument)
    .option('--resume', 'go on with a file that was not finished')
    .option('--jsonl', 'a line of JSON for each message instead; for people and scripts, not for an import')
    .option('--json', 'the summary as one line of JSON')
    .action(action(exportMessages))
  withStoreOptions(store.command('import'))
    .description('Store the messages of an export; what is there already is passed over, so it may be run again')
    .argument('[file]', 'the file, or - for standard input')
    .option('--from-sqlite <file>', "the messages of nwaku's SQLite archive instead, which is only read")
    .option(
      '--other-hashes',
      'with --from-sqlite: also messages whose hash is another than the archive says; to other nodes they are other messages',
    )
    .option('--json', 'the summary as one line of JSON')
    .action(action(importMessages))
  addStoreVerify(store)
  addStoreRepair(store)
  addStoreMigrate(store)
}

/** The options that say whose archive is meant. */
function withStoreOptions(command: Command): Command {
  return withRestOptions(command).option('--offline', 'open the data folder itself; the node must not run')
}

async function stats(options: StoreOptions & OutputOptions): Promise<undefined> {
  await using access = await openStoreAccess(options)
  const found = await access.stats()
  const { state, ...rest } = found
  await show({ at: access.at, running: access.running, state: stateOf(access, found), ...rest }, options, (told) =>
    renderStats(told),
  )
}

/** An archive that is opened for this command alone is closed to everybody else. */
function stateOf({ running }: StoreAccess, { state }: StoreStats): string {
  return running ? state : 'closed'
}

function renderStats(told: StoreStats & { readonly at: string }): string {
  const { recent, diskBytes, diskFreeBytes } = told
  const free = diskFreeBytes === undefined ? '' : `, ${showBytes(diskFreeBytes)} free`
  const disk = diskBytes === undefined ? 'unknown' : `${showBytes(diskBytes)}${free}`
  const topics = [...recent.pubsubTopics, ...recent.contentTopics]
  const shares = topics.map(({ topic, messages }) => ['', printable(topic), `${messages}`])
  return [
    columns([
      ['archive', told.at],
      ['state', told.why === undefined ? told.state : `${told.state}: ${told.why}`],
      ['messages', `${told.messages}, ${showBytes(told.bytes)}`],
      ['oldest', dateOf(told.oldest)],
      ['newest', dateOf(told.newest)],
      ['disk', disk],
      ['retention', told.retention],
      ['recent', `of the newest ${recent.messages} messages:`],
    ]),
    ...(shares.length > 0 ? [columns(shares)] : []),
  ].join('\n')
}

function dateOf(time: Nanoseconds | undefined): string {
  const date = time === undefined ? undefined : new Date(toMilliseconds(time))
  if (date === undefined) return 'none'
  return Number.isNaN(date.getTime()) ? `${time} ns` : date.toISOString()
}

function selectionOf({ since, until, contentTopic, pubsubTopic }: ExportOptions): ExportSelection {
  return { start: since, end: until, contentTopics: contentTopic ?? [], pubsubTopic }
}

async function exportMessages(options: ExportOptions): Promise<number> {
  const { to, resume, jsonl } = options
  if (resume && (to === '-' || jsonl)) throw new WaypostError('cli/bad-usage', { why: 'only a file can be continued' })
  if (jsonl) return await exportLines(options)
  if (to === '-') return await exportToPipe(options)
  return await exportToFile(path.resolve(to), options)
}

async function exportToFile(file: string, options: ExportOptions): Promise<number> {
  const begun = options.resume && existsSync(file) ? await readBegun(file) : undefined
  if (begun?.decoder.complete)
    return await tellExport(file, begun.decoder.state.totals, options, 'it was whole already')
  checkSameSelection(begun, options)
  const signal = interruption()
  await using access = await openStoreAccess(options)
  await using out = await openExport(file, begun, options)
  const selection = begun?.header.selection ?? selectionOf(options)
  for await (const records of watched(access, { ...selection, after: out.last }, signal)) await out.add(records)
  if (signal.aborted) {
    remark(`waypost: interrupted: waypost store export --resume --to ${options.to} goes on`)
    return exits.interrupted
  }
  await out.finish()
  return await tellExport(file, out.totals, options, `from ${access.at}`)
}

/** A file that was cut off before its header was whole is begun anew. */
async function openExport(file: string, begun: Begun | undefined, options: ExportOptions): Promise<ExportFile> {
  if (begun !== undefined) return await ExportFile.reopen(file, begun)
  return await ExportFile.create(file, headerOf(options), { replace: options.resume === true })
}

function headerOf(options: ExportOptions): ExportHeader {
  return { createdAt: Date.now(), writer: `waypost/${version}`, selection: selectionOf(options) }
}

/** One file holds the answer to one question. */
function checkSameSelection(begun: Begun | undefined, options: ExportOptions): void {
  const asked = selectionOf(options)
  const isAsked = Object.values(asked).some((value) => value !== undefined && value.length !== 0)
  if (begun !== undefined && isAsked && writeJson(asked) !== writeJson(begun.header.selection))
    throw new WaypostError('cli/bad-usage', {
      why: '--resume goes on with what the file is of: leave --since, --until and the topics out',
    })
}

async function tellExport(
  file: string,
  { messages, bytes, oldest, newest }: ExportHeaderTotals,
  options: OutputOptions,
  note: string,
): Promise<number> {
  await show({ file, messages, bytes, oldest, newest, complete: true }, options, () =>
    columns([
      ['file', file],
      ['messages', `${messages}, ${showBytes(bytes)}; ${note}`],
      ['oldest', dateOf(oldest)],
      ['newest', dateOf(newest)],
    ]),
  )
  return exits.ok
}

type ExportHeaderTotals = ExportFile['totals']

async function exportToPipe(options: ExportOptions): Promise<number> {
  if (process.stdout.isTTY)
    throw new WaypostError('cli/bad-usage', {
      why: 'an export is bytes, not text: name a file with --to, or take --jsonl',
    })
  const signal = interruption()
  await using access = await openStoreAccess(options)
  const encoder = new ExportEncoder({ compress: true })
  await writeBytes(encoder.header(headerOf(options)))
  for await (const records of watched(access, selectionOf(options), signal))
    for (const chunk of encoder.add(records)) await writeBytes(chunk)
  if (signal.aborted) return exits.interrupted
  for (const chunk of encoder.end()) await writeBytes(chunk)
  remark(`waypost: ${encoder.totals.messages} messages from ${access.at}`)
  return exits.ok
}

async function exportLines(options: ExportOptions): Promise<number> {
  const signal = interruption()
  await using access = await openStoreAccess(options)
  await using out = await textOutput(options.to)
  let count = 0
  for await (const records of watched(access, selectionOf(options), signal)) {
    count += records.length
    const lines = records.map(({ pubsubTopic, bytes }) => shownEnvelope(openEnvelope(pubsubTopic, bytes, 0)))
    await out.write(lines.map((line) => `${writeJson(line)}\n`).join(''))
  }
  if (signal.aborted) return exits.interrupted
  remark(`waypost: ${count} messages from ${access.at}`)
  return exits.ok
}

async function importMessages(file: string | undefined, options: ImportOptions): Promise<number> {
  if ((file === undefined) === (options.fromSqlite === undefined))
    throw new WaypostError('cli/bad-usage', { why: 'import takes a file, or an archive of nwaku with --from-sqlite' })
  const summary = new ImportSummary()
  const signal = interruption()
  const { source, total } = await sourceOf(file ?? '', options, summary)
  await using access = await openStoreAccess(options, { create: true })
  try {
    await importAll(access, source, summary, { signal, total })
  } finally {
    await tellImport(summary, access, options)
  }
  if (signal.aborted) {
    remark('waypost: interrupted: run it again to go on')
    return exits.interrupted
  }
  return summary.refusedMessages === 0 ? exits.ok : exits.failed
}

interface ImportSource {
  readonly source: AsyncIterable<readonly ExportRecord[]>
  readonly total?: number
}

async function sourceOf(file: string, options: ImportOptions, summary: ImportSummary): Promise<ImportSource> {
  const { fromSqlite } = options
  if (fromSqlite === undefined)
    return { source: recordsOf(readExport(file === '-' ? process.stdin : fileBytes(path.resolve(file)))) }
  const database = path.resolve(fromSqlite)
  if (!existsSync(database)) throw new WaypostError('cli/no-such-file', { path: database, why: 'ENOENT' })
  const { countNwakuSqlite, readNwakuSqlite } = await import('../../archive/nwaku-sqlite.ts')
  const pages = readNwakuSqlite(database)
  return { source: sqliteRecords(pages, options, summary), total: countNwakuSqlite(database) }
}

/** What the archive of nwaku calls by another hash is another message to the network: refused unless it is wanted. */
async function* sqliteRecords(
  pages: Iterable<readonly SqliteMessage[]>,
  { otherHashes = false }: ImportOptions,
  summary: ImportSummary,
): AsyncGenerator<readonly ExportRecord[]> {
  for (const page of pages) {
    const isOther = ({ record, said }: SqliteMessage) => !otherHashes && said !== undefined && said !== record.hash
    for (const { said } of page.filter(isOther)) summary.refuse(said ?? '', 'other-hash')
    yield page.filter((one) => !isOther(one)).map(({ record }) => record)
  }
}

async function* recordsOf(parts: AsyncIterable<ExportPart>): AsyncGenerator<readonly ExportRecord[]> {
  for await (const part of parts) if (part.is === 'records') yield part.records
}

/** Also when the import fails in the middle: what was acknowledged stays. */
async function tellImport(summary: ImportSummary, access: StoreAccess, options: OutputOptions): Promise<void> {
  await show({ at: access.at, ...summary.toJSON() }, options, () =>
    columns([
      ['archive', access.at],
      ['stored', String(summary.stored)],
      ['there before', String(summary.present)],
      ['refused', refusedText(summary)],
      ...summary.named.map(({ messageHash, why }) => ['', `${messageHash} ${why}`]),
    ]),
  )
  const { retention: policy } = await access.stats()
  if (summary.oldest !== undefined && isTooOld(summary.oldest, policy))
    remark(`waypost: some are older than the node keeps messages (${policy}): it will delete them`)
}

function refusedText({ refused, refusedMessages }: ImportSummary): string {
  const reasons = [...refused].map(([why, count]) => `${why}: ${count}`)
  return [String(refusedMessages), ...reasons].join(', ')
}

function isTooOld(oldest: Nanoseconds, policy: string): boolean {
  const policies = retention.parse(policy, '')
  return (
    Array.isArray(policies) && policies.some((one) => one.by === 'time' && oldest < toNanoseconds(Date.now() - one.age))
  )
}
