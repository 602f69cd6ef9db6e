/** What stands on the page beside the plots: the verdict, facts, tables, warnings. Each is drawn anew only when it changed. */
import type { Count, Overview, RunningOverview, WarningOverview } from '../overview.ts'
import { byId, copyButton, drawWhenChanged, element, setText } from './dom.ts'
import type { Finding, Verdict } from './findings.ts'
import { bytes, counted, duration, idEnds, moment, retention, whole } from './format.ts'

export function drawVerdict({ level, title, text, findings }: Verdict): void {
  byId('verdict').dataset.level = level
  setText(byId('verdict-title'), title)
  setText(byId('verdict-text'), text)
  drawWhenChanged(byId('findings'), findings, (all) => all.map(findingItem))
}

function findingItem({ level, what, todo, copy }: Finding): HTMLElement {
  const more =
    copy === undefined
      ? []
      : [element('span', { class: 'copied' }, element('code', {}, copy), copyButton('address', copy))]
  return element('li', { class: level }, element('strong', {}, what), ' ', todo, ...more)
}

export function drawIdentity({ version, now, startedAt, running }: Overview): void {
  setText(byId('version'), version)
  setText(byId('uptime'), `up ${duration(now - startedAt)}`)
  setText(byId('peer-id'), running === undefined ? '' : idEnds(running.peerId))
}

/** All sections that only a running node fills. */
export function drawRunning(overview: Overview, running: RunningOverview): void {
  drawServices(overview)
  drawShards(running)
  drawPeers(running)
  drawFacts('store-facts', storeFacts(overview, running))
  drawFacts('message-facts', messageFacts(running))
  drawFacts('node-facts', nodeFacts(overview, running))
  drawWhenChanged(byId('addresses'), running.addresses, (all) => all.map(addressItem))
}

const used = new Set(['READY', 'NOT_READY', 'SYNCHRONIZING', 'INITIALIZING'])

function drawServices({ health }: Overview): void {
  const here = health.protocols.filter(({ state, protocol }) => used.has(state) && !protocol.includes('Client'))
  drawWhenChanged(byId('services'), here, (all) =>
    all.map(({ protocol, state, desc }) =>
      element(
        'li',
        { class: state === 'READY' ? 'good' : 'notice' },
        element('span', {}, serviceNames[protocol] ?? protocol),
        element(
          'span',
          { class: 'state' },
          state === 'READY' ? 'ready' : (desc ?? state.toLowerCase().replace('_', ' ')),
        ),
      ),
    ),
  )
}

const serviceNames: Readonly<Record<string, string>> = {
  Lightpush: 'Light push',
  'Legacy Lightpush': 'Light push, version 2',
}

function drawShards({ shards }: RunningOverview): void {
  byId('shards-section').hidden = shards === undefined
  drawWhenChanged(byId('shards'), shards ?? [], (all) =>
    all.map(({ shard, pubsubTopic, peers, mesh }) =>
      element(
        'tr',
        { title: pubsubTopic },
        element('th', { scope: 'row' }, String(shard)),
        element('td', {}, whole(peers)),
        element('td', { class: mesh === 0 ? 'none' : undefined }, whole(mesh)),
      ),
    ),
  )
}

function drawPeers({ peers }: RunningOverview): void {
  setText(byId('peers-text'), `${counted(peers.connected, 'peer')} of at most ${whole(peers.limit)}`)
  for (const [id, counts] of [
    ['by-agent', peers.byAgent],
    ['by-protocol', peers.byProtocol.map(({ name, count }) => ({ name: protocolName(name), count }))],
    ['by-transport', peers.byTransport],
    ['by-direction', peers.byDirection],
  ] as const)
    drawWhenChanged(byId(id), counts, (all) => (all.length === 0 ? [emptyRow()] : all.map((one) => countRow(one, all))))
}

/** `/vac/waku/relay/2.0.0` is `relay 2.0.0`. */
function protocolName(id: string): string {
  return id.replace(/^\/vac\/waku\//, '').replace('/', ' ')
}

function countRow({ name, count }: Count, all: readonly Count[]): HTMLElement {
  const bar = element('i', { class: 'bar', 'aria-hidden': 'true' })
  bar.style.inlineSize = `${(100 * count) / Math.max(...all.map((one) => one.count))}%`
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, name),
    element('td', {}, whole(count)),
    element('td', { class: 'share' }, bar),
  )
}

function emptyRow(): HTMLElement {
  return element('tr', {}, element('th', { scope: 'row', class: 'muted' }, 'none yet'), element('td'), element('td'))
}

type Facts = readonly (readonly [string, string])[]

function storeFacts({ now }: Overview, { store, disk }: RunningOverview): Facts {
  const room: Facts = disk === undefined ? [] : [['Disk', `${bytes(disk.free)} free of ${bytes(disk.size)}`]]
  if (store === undefined) return [['Store', 'off: this node keeps no messages'], ...room]
  const { messages, bytes: size, retention: policy, oldest, newest, waiting } = store
  return [
    ['Messages', whole(messages)],
    ['Size', bytes(size)],
    ['Kept for', retention(policy)],
    ['Oldest', oldest === undefined ? 'none' : `${duration(now - oldest)} ago`],
    ['Newest', newest === undefined ? 'none' : `${duration(now - newest)} ago`],
    ['Being written', whole(waiting)],
    ...room,
  ]
}

function messageFacts({ messages, filter }: RunningOverview): Facts {
  const { relay, lightpush, rest, pushed, notPushed, storeQueries, refused } = messages
  return [
    ['From relay', whole(relay)],
    ['From light push', whole(lightpush)],
    ['From REST', whole(rest)],
    ['Refused from relay', whole(refused)],
    ['Pushed to subscribers', whole(pushed)],
    ['Not pushed', whole(notPushed)],
    ['Store queries', whole(storeQueries)],
    ...(filter === undefined
      ? []
      : ([['Subscribers', `${whole(filter.subscribers)} of at most ${whole(filter.limit)}`]] as const)),
  ]
}

const reachedText = { unknown: 'not tried yet', public: 'yes', private: 'no' } as const

function nodeFacts({ now, runtime, startedAt }: Overview, running: RunningOverview): Facts {
  const { cluster, memory, certificateEnds, clockOffset, reached } = running
  const certificate: Facts =
    certificateEnds === undefined ? [] : [['Certificate ends', `in ${duration(certificateEnds - now)}`]]
  const clock: Facts =
    clockOffset === undefined
      ? []
      : [['Clock', Math.abs(clockOffset) < 1000 ? 'agrees with others' : `off by ${duration(Math.abs(clockOffset))}`]]
  return [
    ['Cluster', String(cluster)],
    ['Started', moment(startedAt, now)],
    ['Memory', bytes(memory)],
    ['Runs on', runtime],
    ['Dialled by others', reachedText[reached]],
    ...certificate,
    ...clock,
  ]
}

/** The names stay where they are; only a text that changed is set. */
function drawFacts(id: string, facts: Facts): void {
  const list = byId(id)
  const names = facts.map(([name]) => name)
  drawWhenChanged(list, names, (all) =>
    all.map((name) => element('div', {}, element('dt', {}, name), element('dd', {}))),
  )
  for (const [index, place] of [...list.querySelectorAll('dd')].entries()) setText(place, facts[index]?.[1] ?? '')
}

function addressItem(address: string): HTMLElement {
  return element('li', {}, element('code', {}, address), copyButton('address', address))
}

export function drawWarnings({ now, startedAt, warnings }: Overview): void {
  const { total, recent } = warnings
  const none = `None since the start, ${duration(now - startedAt)} ago.`
  setText(byId('warnings-text'), total === 0 ? none : `${counted(total, 'line')} since the start.`)
  drawWhenChanged(byId('warnings'), recent, (all) => all.map((one) => warningItem(one, now)))
}

const levelNames = { warn: 'Warning', error: 'Error', fatal: 'Fatal' } as const

function warningItem({ level, part, message, detail, count, last }: WarningOverview, now: number): HTMLElement {
  const where = part === '' ? undefined : element('span', { class: 'part' }, part)
  const often = count === 1 ? undefined : element('span', { class: 'often' }, `${whole(count)} times`)
  return element(
    'li',
    { class: level === 'warn' ? 'notice' : 'bad' },
    element('time', { datetime: new Date(last).toISOString() }, moment(last, now)),
    element('p', {}, element('strong', {}, levelNames[level]), ' ', where, ' ', message, ' ', often),
    detail === '' ? undefined : element('code', {}, detail),
  )
}
