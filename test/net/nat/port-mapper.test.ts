import t from 'tap'
import { type Mapping, PortMapper } from '../../../src/net/nat/port-mapper.ts'
import { findGateways } from '../../../src/net/nat/ssdp.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import type { Owner } from '../../kit/owner.ts'
import { type Router, type RouterOptions, router } from '../../kit/router.ts'

const ports = [
  { protocol: 'tcp', port: 60000 },
  { protocol: 'tcp', port: 8000 },
  { protocol: 'udp', port: 9000 },
] as const

interface Trial {
  readonly router: Router
  readonly mapper: PortMapper
  readonly changes: (Mapping | undefined)[]
  readonly metrics: ReturnType<typeof createMetrics>
  /** Settles with the delay until the next round; runs it when called. */
  readonly next: () => Promise<{ readonly delay: number; run(): void }>
}

async function mapped(t: Owner, options: RouterOptions = {}): Promise<Trial> {
  const made = await router(t, options)
  const changes: (Mapping | undefined)[] = []
  const metrics = createMetrics()
  let scheduled = Promise.withResolvers<{ delay: number; run(): void }>()
  const mapper = new PortMapper({
    ports,
    changed: (mapping) => changes.push(mapping),
    metrics,
    log: silentLog(),
    find: ({ signal }) => findGateways({ localAddresses: ['127.0.0.1'], target: made.target, signal }),
    schedule: (run, delay) => {
      scheduled.resolve({ delay, run })
      return () => {}
    },
  })
  t.teardown(() => mapper[Symbol.asyncDispose]())
  const next = async (): ReturnType<Trial['next']> => {
    const due = await scheduled.promise
    scheduled = Promise.withResolvers()
    return due
  }
  return { router: made, mapper, changes, metrics, next }
}

t.test('ports are mapped for an hour, renewed after half of it, and taken back at the end', async (t) => {
  const { router, mapper, changes, metrics, next } = await mapped(t)
  const { delay, run } = await next()
  t.equal(delay, 1_800_000)
  t.same([...router.mappings.keys()], ['TCP 60000', 'TCP 8000', 'UDP 9000'])
  t.same(router.mappings.get('TCP 60000'), { to: '127.0.0.1:60000', lease: 3600 })
  const tcp = new Map([
    [60000, 60000],
    [8000, 8000],
  ])
  t.same(changes, [{ externalAddress: '8.8.4.4', ports: tcp, udpPorts: new Map([[9000, 9000]]) }])
  t.equal((await metrics.waypost_port_mappings.get()).values[0]?.value, 3)
  run()
  await next()
  t.equal(router.asked.filter((action) => action === 'AddPortMapping').length, 6)
  t.equal(changes.length, 1, 'the same mappings are no news')
  await mapper[Symbol.asyncDispose]()
  t.equal(router.mappings.size, 0)
})

t.test('an outer port that another host has is replaced, and the new one kept', async (t) => {
  const { router, changes, next } = await mapped(t, { taken: [60000] })
  const { run } = await next()
  const outer = changes[0]?.ports.get(60000) ?? 0
  t.ok(outer >= 20_000 && outer < 32_000)
  t.match(router.mappings.get(`TCP ${outer}`), { to: '127.0.0.1:60000' })
  run()
  await next()
  t.equal(router.mappings.size, 3)
  t.equal(changes.length, 1)
})

t.test('the outer UDP port is told too, when it is another one', async (t) => {
  const { changes, next } = await mapped(t, { taken: [9000] })
  await next()
  const outer = changes[0]?.udpPorts.get(9000) ?? 0
  t.ok(outer >= 20_000 && outer < 32_000)
})

t.test('mappings of a round before one that failed are taken back at the end, too', async (t) => {
  const { router, mapper, next } = await mapped(t)
  const first = await next()
  t.equal(router.mappings.size, 3)
  router.options.externalAddress = '192.168.0.7'
  first.run()
  await next()
  t.equal(router.mappings.size, 3, 'nothing is taken back in a hurry')
  await mapper[Symbol.asyncDispose]()
  t.equal(router.mappings.size, 0)
})

t.test('a router that knows only mappings without an end gets those', async (t) => {
  const { router, next } = await mapped(t, { onlyPermanent: true })
  await next()
  t.match(router.mappings.get('TCP 60000'), { lease: 0 })
})

t.test('a new outer address is told, and one that is lost too', async (t) => {
  const { router, changes, next } = await mapped(t)
  const { run } = await next()
  router.options.externalAddress = '8.8.8.8'
  run()
  const again = await next()
  t.match(changes[1], { externalAddress: '8.8.8.8' })
  router.options.externalAddress = '192.168.0.7'
  again.run()
  const { delay } = await next()
  t.equal(changes[2], undefined)
  t.ok(delay >= 30_000 && delay <= 60_000, 'it is tried again soon')
})

const bad: readonly (RouterOptions & { readonly id: string })[] = [
  { id: 'is behind another router', externalAddress: '100.64.0.1' },
  { id: 'names nonsense as our address', externalAddress: 'nonsense' },
  { id: 'floods', flood: 1024 * 1024 },
  { id: 'never answers', hangsAt: 'GetExternalIPAddress' },
  { id: 'describes itself elsewhere', location: 'http://192.0.2.1/' },
]
for (const { id, ...options } of bad)
  t.test(`a router that ${id} gets nothing announced, and is asked again later`, async (t) => {
    const { changes, next, metrics } = await mapped(t, options)
    const { delay } = await next()
    t.ok(delay >= 30_000)
    t.same(changes, [])
    t.equal((await metrics.waypost_port_mappings.get()).values[0]?.value, 0)
  })

t.test('the end does not wait for a router that hangs', async (t) => {
  const { router, mapper } = await mapped(t, { hangsAt: 'AddPortMapping' })
  await router.until('AddPortMapping')
  await mapper[Symbol.asyncDispose]()
  t.same(router.asked, ['GetExternalIPAddress', 'AddPortMapping'])
})

t.test('an end in the middle of a round takes back what is mapped by then', async (t) => {
  const { router, mapper } = await mapped(t)
  await router.until('AddPortMapping')
  router.options.hangsAt = 'AddPortMapping'
  await router.until('AddPortMapping', 2)
  t.equal(router.mappings.size, 1)
  await mapper[Symbol.asyncDispose]()
  t.equal(router.mappings.size, 0)
})
