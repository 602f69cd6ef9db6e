/** The screen of `waypost top`, as lines of plain text. Pure. */
import { printable } from '../printable.ts'
import { showBytes, showSeconds } from '../snapshot.ts'
import type { Figure, ShardRow, TopFigures } from './sample.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** Rows that are the same whatever the node does: without the shards and troubles. */
const labelColumns = 12

/** The whole screen: as many lines as there is room for, none longer than it is wide. */
export function renderTop(figures: TopFigures, { columns, rows }: Size): readonly string[] {
  const fixed = [...head(figures), '', ...messages(figures), '', ...services(figures), '']
  const troubles = figures.troubles.map((trouble) => row('not ready', printable(trouble)))
  const room = Math.max(2, rows - fixed.length - Math.min(troubles.length, 3))
  const lines = [...fixed, ...shards(figures.shards, room), ...troubles]
  return lines.slice(0, rows).map((line) => line.slice(0, columns).trimEnd())
}

function head(figures: TopFigures): string[] {
  const { version, state, uptimeSeconds, url, peers, inbound, outbound, refusedPerSecond } = figures
  const { cpuPercent, memoryBytes, loopLagMilliseconds, diskFreeBytes } = figures
  const up = uptimeSeconds === null ? '-' : showSeconds(uptimeSeconds)
  return [
    `waypost ${printable(version)}  ${state}  up ${up}  ${url}`,
    row(
      'peers',
      `${whole(peers)}  in ${whole(inbound)}  out ${whole(outbound)}  refused ${perSecond(refusedPerSecond)}`,
    ),
    row(
      'machine',
      `cpu ${fixed(cpuPercent)} %  memory ${bytes(memoryBytes)}  event loop ${fixed(loopLagMilliseconds)} ms  disk free ${bytes(diskFreeBytes)}`,
    ),
    row('network', `in ${bytes(figures.bytesInPerSecond)}/s  out ${bytes(figures.bytesOutPerSecond)}/s`),
  ]
}

function messages({ messages }: TopFigures): string[] {
  return [
    row('messages', 'per second        total'),
    ...messages.map(({ kind, perSecond, total }) =>
      row(`  ${kind}`, `${fixed(perSecond).padStart(10)} ${whole(total).padStart(12)}`),
    ),
  ]
}

function services(figures: TopFigures): string[] {
  const { stored, storedBytes, waiting, storeQueriesPerSecond, storeQueryMilliseconds } = figures
  const { filterSubscribers, filterCriteria, pushesPerSecond, dropsPerSecond, lightPushPerSecond } = figures
  return [
    row('archive', `${whole(stored)} messages  ${bytes(storedBytes)}  ${whole(waiting)} waiting`),
    row('store', `${perSecond(storeQueriesPerSecond)} queries  ${fixed(storeQueryMilliseconds)} ms each`),
    row(
      'filter',
      `${whole(filterSubscribers)} subscribers  ${whole(filterCriteria)} criteria  ${perSecond(pushesPerSecond)} pushes  ${perSecond(dropsPerSecond)} dropped`,
    ),
    row('light push', `${perSecond(lightPushPerSecond)} requests`),
  ]
}

/** A line for each shard; what has no room is counted. */
function shards(all: readonly ShardRow[], room: number): string[] {
  if (all.length === 0) return []
  const shown = all.length + 1 <= room ? all : all.slice(0, Math.max(0, room - 2))
  const left = all.length - shown.length
  return [
    row('shard', '      mesh        peers'),
    ...shown.map(({ shard, mesh, peers }) =>
      row(`  ${shard}`, `${whole(mesh).padStart(10)} ${whole(peers).padStart(12)}`),
    ),
    ...(left === 0 ? [] : [`  and ${left} more`]),
  ]
}

function row(label: string, text: string): string {
  return `${label.padEnd(labelColumns)}${text}`
}

function whole(value: Figure): string {
  return value === null ? '-' : String(Math.round(value))
}

function fixed(value: Figure): string {
  return value === null ? '-' : value.toFixed(1)
}

function perSecond(value: Figure): string {
  return value === null ? '-' : `${value.toFixed(1)}/s`
}

function bytes(value: Figure): string {
  return value === null ? '-' : showBytes(value)
}
