/**
 * Deleting the oldest: whole partitions where the limits allow it, which costs the database nothing, and rows where a
 * partition is a large part of what is to be kept. One node does it at a time; what one leaves half done, another ends.
 */
import type { Milliseconds, Nanoseconds } from '../../core/time.ts'
import { type Amount, isSurplus, minus, nothing, type PruneLimits, plus, rowBytes, storedBytes } from '../backend.ts'
import { bigintFrom, booleanFrom, byteaArray, bytesFrom, hexFrom, int8Array, numberFrom } from './binary.ts'
import { finalize, type HeldPartition, listDoomed, listPartitions } from './catalog.ts'
import { locks, tryLockText } from './locks.ts'
import type { Pool, Runner, Statement, Transaction } from './pool.ts'

/** A partition that holds no more than this part of what is to be kept waits until all of it may go. */
const lightPart = 10

/** How long dropping may take: it waits for the readers of the partition, and writes down its places. */
const dropTimeout = "'2min'"

/** Changes of the amounts held after which they are summed up. */
const maxChanges = 2000

/** What to delete next. */
export type Step = { readonly drop: HeldPartition } | { readonly rows: HeldPartition }

/** The oldest partition may go as a whole, or rows of it, or nothing. `newest` is the timestamp of the newest message. */
export function nextStep(
  partitions: readonly HeldPartition[],
  limits: PruneLimits,
  newest: Nanoseconds | undefined,
): Step | undefined {
  const [oldest, ...younger] = partitions
  if (oldest === undefined) return undefined
  const held = sumOf(partitions)
  const isLast = !younger.some(({ messages }) => messages > 0)
  if (mayGo(oldest, held, limits, isLast)) return { drop: oldest }
  return oldest.messages > 0 && isHeavy(oldest, limits, newest ?? oldest.to) ? { rows: oldest } : undefined
}

function mayGo(oldest: HeldPartition, held: Amount, limits: PruneLimits, isLast: boolean): boolean {
  const { before, keepMessages, keepBytes } = limits
  if (before !== undefined && oldest.to <= before) return true
  if (isLast) return false
  if (oldest.messages === 0) return true
  const left = minus(held, oldest)
  return (
    (keepMessages !== undefined && left.messages >= keepMessages) ||
    (keepBytes !== undefined && left.bytes >= keepBytes)
  )
}

/** True when waiting for the whole partition would keep much more than is asked for. */
function isHeavy(
  { from, to, messages, bytes }: HeldPartition,
  { before, keepMessages, keepBytes }: PruneLimits,
  newest: Nanoseconds,
): boolean {
  return (
    (before !== undefined && (to - from) * BigInt(lightPart) > newest - before) ||
    (keepMessages !== undefined && messages * lightPart > keepMessages) ||
    (keepBytes !== undefined && bytes * lightPart > keepBytes)
  )
}

export function sumOf(partitions: readonly HeldPartition[]): Amount {
  return partitions.reduce<Amount>(plus, nothing)
}

export interface RetentionParts {
  readonly pool: Pool
  readonly schema: string
}

/** Deletes at most `most` rows; a whole partition counts as what it holds. Nothing when another node is at it. */
export async function prune(
  parts: RetentionParts,
  limits: PruneLimits,
  most: number,
  now: Milliseconds,
): Promise<Amount> {
  let pruned = await dropDoomed(parts, now)
  while (pruned.messages < most) {
    const left = most - pruned.messages
    const done = await parts.pool.transaction((transaction) => decide(transaction, parts, limits, left, now))
    if (done === nothing) break
    pruned = plus(pruned, typeof done === 'string' ? await dropDoomed(parts, now) : done)
  }
  return pruned
}

/** Deletes rows, or dooms a partition and gives its name: it cannot be detached within a transaction. */
async function decide(
  transaction: Transaction,
  { schema }: RetentionParts,
  limits: PruneLimits,
  most: number,
  now: Milliseconds,
): Promise<Amount | string> {
  if (!(await takes(transaction))) return nothing
  const partitions = (await listPartitions(transaction, schema)).filter(({ pending }) => !pending)
  const newest = await newestIn(transaction, schema, partitions)
  const step = nextStep(partitions, limits, newest)
  if (step === undefined) return nothing
  if ('rows' in step) return await deleteRows(transaction, schema, step.rows, sumOf(partitions), limits, most, now)
  await transaction.define(`insert into ${schema}.doomed values ('${step.drop.name}') on conflict do nothing`)
  return step.drop.name
}

const tryRetention: Statement = { name: 'try retention', text: tryLockText(locks.retention) }

async function takes(transaction: Transaction): Promise<boolean> {
  const [row] = await transaction.run(tryRetention)
  return row !== undefined && booleanFrom(row[0])
}

const edgeOf = (schema: string, order: 'asc' | 'desc'): Statement => ({
  name: `edge ${order}`,
  text: `
    select timestamp, hash from ${schema}.messages where timestamp >= $1 and timestamp <= $2
    order by timestamp ${order}, hash ${order} limit 1`,
})

/** The place of the first or the last message. */
export async function edge(
  runner: Runner,
  schema: string,
  partitions: readonly HeldPartition[],
  order: 'asc' | 'desc',
): Promise<{ timestamp: Nanoseconds; hash: string } | undefined> {
  for (const { from, to } of order === 'asc' ? partitions : partitions.toReversed()) {
    const [row] = await runner.run(edgeOf(schema, order), [from, to - 1n])
    if (row !== undefined) return { timestamp: bigintFrom(row[0]), hash: hexFrom(row[1]) }
  }
  return undefined
}

async function newestIn(
  runner: Runner,
  schema: string,
  partitions: readonly HeldPartition[],
): Promise<Nanoseconds | undefined> {
  const place = await edge(
    runner,
    schema,
    partitions.filter(({ messages }) => messages > 0),
    'desc',
  )
  return place?.timestamp
}

const oldestOf = (schema: string): Statement => ({
  name: 'oldest rows',
  text: `
    select timestamp, hash, octet_length(message) from ${schema}.messages
    where timestamp >= $1 and timestamp <= $2 order by timestamp, hash limit $3`,
})

const deleteOf = (schema: string): Statement => ({
  name: 'delete rows',
  text: `
    with gone as (
      delete from ${schema}.messages m using unnest($1::int8[], $2::bytea[]) as d(timestamp, hash)
      where m.timestamp = d.timestamp and m.hash = d.hash and m.timestamp >= $3 and m.timestamp <= $4
      returning m.timestamp, m.hash, octet_length(m.message) as length
    ), buried as (
      insert into ${schema}.graves select hash, timestamp, $5::bigint from gone
      on conflict (hash) do update set deleted_at = excluded.deleted_at
    ), counted as (
      insert into ${schema}.amounts select $6::name, -count(*), -coalesce(sum(length + ${rowBytes}), 0) from gone
    )
    select count(*), coalesce(sum(length + ${rowBytes}), 0)::bigint from gone`,
})

async function deleteRows(
  transaction: Transaction,
  schema: string,
  { name, from, to }: HeldPartition,
  held: Amount,
  limits: PruneLimits,
  most: number,
  now: Milliseconds,
): Promise<Amount> {
  const rows = await transaction.run(oldestOf(schema), [from, to - 1n, most])
  const surplus: { timestamp: Nanoseconds; hash: Buffer }[] = []
  let left = held
  for (const [time, hash, length] of rows) {
    const timestamp = bigintFrom(time)
    const bytes = storedBytes(numberFrom(length))
    if (!isSurplus(limits, left, timestamp, bytes)) break
    surplus.push({ timestamp, hash: bytesFrom(hash) })
    left = minus(left, { messages: 1, bytes })
  }
  if (surplus.length === 0) return nothing
  const [gone] = await transaction.run(deleteOf(schema), [
    int8Array(surplus.map(({ timestamp }) => timestamp)),
    byteaArray(surplus.map(({ hash }) => hash)),
    from,
    to - 1n,
    now,
    name,
  ])
  return { messages: numberFrom(gone?.[0]), bytes: numberFrom(gone?.[1]) }
}

/** Drops what is doomed, by us or by a node that did not get that far. */
async function dropDoomed(parts: RetentionParts, now: Milliseconds): Promise<Amount> {
  let dropped = nothing
  for (const name of await listDoomed(parts.pool, parts.schema)) {
    await detach(parts, name)
    dropped = plus(dropped, await drop(parts, name, now))
  }
  return dropped
}

/** Takes a partition out of the archive. Readers and writers of the others notice nothing. */
async function detach(parts: RetentionParts, name: string): Promise<void> {
  const partition = await attached(parts, name)
  if (partition === undefined) return
  try {
    await (partition.pending ? finalize(parts.pool, parts.schema, name) : detachConcurrently(parts, name))
  } catch (error) {
    // Another node may have been first.
    if ((await attached(parts, name)) !== undefined) throw error
  }
}

async function attached({ pool, schema }: RetentionParts, name: string): Promise<HeldPartition | undefined> {
  return (await listPartitions(pool, schema)).find((one) => one.name === name)
}

async function detachConcurrently({ pool, schema }: RetentionParts, name: string): Promise<void> {
  await pool.alone(
    `set statement_timeout = ${dropTimeout}`,
    `alter table ${schema}.messages detach partition ${schema}."${name}" concurrently`,
  )
}

/** Keeps the places of a detached partition as graves, and deletes all else of it. */
async function drop({ pool, schema }: RetentionParts, name: string, now: Milliseconds): Promise<Amount> {
  return await pool.transaction(async (transaction) => {
    if (!(await takes(transaction)) || !(await listDoomed(transaction, schema)).includes(name)) return nothing
    await transaction.define(
      `set local statement_timeout = ${dropTimeout}`,
      `insert into ${schema}.graves select hash, timestamp, ${Math.round(now)} from ${schema}."${name}"
       on conflict (hash) do update set deleted_at = excluded.deleted_at`,
      `drop table ${schema}."${name}"`,
      `delete from ${schema}.doomed where partition = '${name}'`,
    )
    const [gone] = await transaction.run(forgetOf(schema), [name])
    return { messages: numberFrom(gone?.[0]), bytes: numberFrom(gone?.[1]) }
  })
}

const forgetOf = (schema: string): Statement => ({
  name: 'forget amounts',
  text: `
    with gone as (delete from ${schema}.amounts where partition = $1::name returning messages, bytes)
    select coalesce(sum(messages), 0)::bigint, coalesce(sum(bytes), 0)::bigint from gone`,
})

const forgetGravesOf = (schema: string): Statement => ({
  name: 'forget graves',
  text: `delete from ${schema}.graves where deleted_at < $1::bigint`,
})

const changesOf = (schema: string): Statement => ({
  name: 'changes',
  text: `select count(*) from ${schema}.amounts`,
})

const sumUpOf = (schema: string): Statement => ({
  name: 'sum up',
  text: `
    with gone as (delete from ${schema}.amounts returning partition, messages, bytes)
    insert into ${schema}.amounts select partition, sum(messages), sum(bytes) from gone group by partition`,
})

/** Forgets places of messages deleted before `before`. */
export async function forgetGraves({ pool, schema }: RetentionParts, before: Milliseconds): Promise<void> {
  await pool.run(forgetGravesOf(schema), [Math.round(before)])
}

/** Sums up the changes of what is held when there are many. */
export async function sumUp({ pool, schema }: RetentionParts): Promise<void> {
  const [row] = await pool.run(changesOf(schema))
  if (numberFrom(row?.[0]) < maxChanges) return
  await pool.transaction(async (transaction) => {
    if (await takes(transaction)) await transaction.run(sumUpOf(schema))
  })
}
