/**
 * A network of daemons that begins with one address: how soon each has its peers and its meshes, what churn costs, how
 * soon a node that was killed is back, what is left of a partition when it has healed.
 *
 * `npm run bench:network -- --nodes=30 --churn=120 --partition=120`: seconds. Where the user is not root there is no partition.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Bench, given, machine } from './kit/bench.ts'
import { percentile } from './kit/statistics.ts'
import { figure, printTable } from './kit/table.ts'
import { cluster, Member, type Readiness, shards } from './network/member.ts'
import { makePlace, type Place } from './network/place.ts'
import { type Delivered, Downs, type Sent, Traffic } from './network/traffic.ts'

const nodes = Number(given('nodes') ?? 30)
const churnSeconds = Number(given('churn') ?? 120)
const partitionSeconds = Number(given('partition') ?? 120)

/** Of the nodes, those that are killed in a minute. */
const churnShare = 0.2
/** How long a killed node stays away, in ms. */
const awayFor = 5000
/** Nodes that start at the same time: more than the machine has cores for would wait for each other. */
const atOnce = 4
const messageInterval = 200
/** For a sync round with each neighbour after the partition, in ms. */
const healPatience = 180_000

await using bench = new Bench()
const place = makePlace(bench, nodes)
const flags = [
  `--cluster-id=${cluster}`,
  `--num-shards-in-network=${shards.length}`,
  '--discv5-discovery=true',
  '--discv5-udp-port=9000',
  '--peer-exchange=true',
  '--peer-persistence=true',
  '--ip-colocation-limit=0',
  '--store-sync=true',
  '--store-sync-interval=15',
  '--store-sync-relay-jitter=5',
  '--rate-limit=0/1s',
]

console.log(
  `${machine()}\n${nodes} daemons, ${shards.length} shards, one bootstrap node, ${place.part ? 'namespaces' : 'loopback'}`,
)
const members = place.sites.map(
  (site, index) => new Member(bench, { site, flags: index === 0 ? flags : [], others: nodes - 1 }),
)
const downs = new Downs()
const formed = await form()
const traffic = new Traffic(members)
const calm = await phase(20)
const churned = churnSeconds > 0 ? await churn() : undefined
const parted = partitionSeconds > 0 && place.part !== undefined ? await partition(place) : undefined
report()

/** Starts the first, and the others with its record. */
async function form(): Promise<readonly Readiness[]> {
  const [first] = members
  await first!.start()
  const others = place.sites.slice(1).map((site) => {
    return new Member(bench, { site, flags: [...flags, `--discv5-bootstrap-node=${first!.enr}`], others: nodes - 1 })
  })
  members.splice(1, others.length, ...others)
  const readying: Promise<Readiness>[] = []
  for (let start = 0; start < others.length; start += atOnce) {
    const some = others.slice(start, start + atOnce)
    await Promise.all(some.map((member) => member.start()))
    readying.push(...some.map((member) => member.ready()))
  }
  return await Promise.all(readying)
}

async function phase(seconds: number): Promise<Delivered> {
  const sent = await traffic.during(messageInterval, pause(seconds * 1000))
  await pause(5000)
  return traffic.delivered(sent, downs)
}

interface Churned {
  readonly delivered: Delivered
  readonly back: readonly number[]
}

/** Kills nodes by chance, a share of them in each minute, and starts them again. */
async function churn(): Promise<Churned> {
  const back: number[] = []
  const returning: Promise<void>[] = []
  const killing = async (): Promise<void> => {
    const interval = 60_000 / (nodes * churnShare)
    for (let passed = 0; passed < churnSeconds * 1000; passed += interval) {
      const up = members.slice(1).filter(({ upSince }) => upSince !== undefined)
      const victim = up[Math.floor(Math.random() * up.length)]
      if (victim !== undefined) returning.push(killAndReturn(victim, back))
      await pause(interval)
    }
    await Promise.all(returning)
  }
  const sent = await traffic.during(messageInterval, killing())
  await pause(5000)
  return { delivered: traffic.delivered(sent, downs), back }
}

async function killAndReturn(member: Member, back: number[]): Promise<void> {
  const from = performance.now()
  await member.kill()
  await pause(awayFor)
  await member.start()
  downs.wasDown(member, from, performance.now())
  back.push(await member.inMeshes())
}

interface Parted {
  readonly inside: Delivered
  /** Until somebody of the other half is a neighbour again, in ms since it healed: the first of the nodes. */
  readonly joined: number
  /** Until each node has every message, in ms since it healed; NaN: not within the time. */
  readonly complete: number
  readonly missing: number
}

async function partition({ part, join }: Place): Promise<Parted> {
  part?.()
  const sent = await traffic.during(messageInterval, pause(partitionSeconds * 1000))
  await pause(5000)
  // The first seconds: meshes of which one half is gone.
  const inside = traffic.delivered(
    sent.filter(({ at }) => at > (sent[0]?.at ?? 0) + 10_000),
    downs,
    true,
  )
  join?.()
  const healed = performance.now()
  // One node may have all the peers that it wants in its own half: what counts is that every message comes through.
  const joining = Promise.all(members.map((member) => rejoined(member, healed)))
  const { complete, missing } = await completed(traffic.sent, healed)
  const joined = Math.min(...(await joining).filter(Number.isFinite))
  return { inside, joined, complete, missing }
}

async function rejoined(member: Member, healed: number): Promise<number> {
  const others = `/10.77.${1 - member.site.half}.`
  while (performance.now() - healed < healPatience) {
    if ((await member.neighbours()).some((address) => address.includes(others))) return performance.now() - healed
    await pause(200)
  }
  return Number.NaN
}

/** Store sync brings each node what it has missed. */
async function completed(sent: readonly Sent[], healed: number): Promise<Pick<Parted, 'complete' | 'missing'>> {
  let missing = Number.NaN
  while (performance.now() - healed < healPatience) {
    const stores = await Promise.all(members.map((member) => member.stored()))
    missing = stores.reduce((sum, store) => sum + sent.filter(({ id }) => !store.has(id)).length, 0)
    if (missing === 0) return { complete: performance.now() - healed, missing }
    await pause(2000)
  }
  return { complete: Number.NaN, missing }
}

function report(): void {
  const seconds = (milliseconds: number) => figure(milliseconds / 1000, ' s')
  const rows: Record<string, string>[] = []
  const row = (what: string, target: string, value: string, isMet?: boolean) =>
    rows.push({ what, target, figure: value, met: isMet === undefined ? '-' : isMet ? 'yes' : 'NO' })
  const timed = (what: string, times: readonly number[], most: number) => {
    row(`${what}, half of the nodes`, '-', seconds(percentile(times, 0.5)))
    row(`${what}, all of them`, `<= ${most} s`, seconds(Math.max(...times)), Math.max(...times) <= most * 1000)
  }
  const ratio = (what: string, { due, came, p50, p99 }: Delivered, least: number) => {
    row(
      `${what}: delivered`,
      `>= ${least * 100} %`,
      `${((100 * came) / due).toFixed(3)} % of ${due}`,
      came / due >= least,
    )
    row(`${what}: delay, p50 / p99`, '-', `${figure(p50)} / ${figure(p99)} ms`)
  }
  timed(
    'no peers missing',
    formed.map(({ peers }) => peers),
    30,
  )
  timed(
    'meshes of all shards',
    formed.map(({ mesh }) => mesh),
    30,
  )
  ratio('calm', calm, 0.999)
  if (churned !== undefined) {
    ratio(`${churnShare * 100} % killed in a minute`, churned.delivered, 0.999)
    timed('killed, and in the meshes again', churned.back, 5)
  }
  if (parted !== undefined) {
    ratio('within a half while parted', parted.inside, 0.999)
    row('healed: neighbours in the other half, the first node', '-', seconds(parted.joined))
    row('healed: every node has every message', 'all', seconds(parted.complete), parted.missing === 0)
  }
  printTable('The network', rows)
}
