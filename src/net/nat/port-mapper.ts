/**
 * Has the router map our ports (`--nat=upnp`, `--nat=any`): finds it, asks, keeps the mappings alive, and takes them back
 * at the end. What fails is tried again later; a node behind a router that maps nothing runs as it would without.
 */
import { isWaypostError, messageOf } from '../../core/errors.ts'
import { type Milliseconds, type Schedule, systemSchedule } from '../../core/time.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { backoff } from '../backoff.ts'
import { isPrivate } from '../networks.ts'
import { Gateway, leaseSeconds, type PortToMap } from './gateway.ts'
import { findGateways, type Located } from './ssdp.ts'

/** Mappings are renewed when half of their time is over; the address is asked for then too. */
const renewInterval: Milliseconds = (leaseSeconds * 1000) / 2

/** Waits after a search or a request in vain. */
const retry = { first: 60_000, most: 30 * 60_000 }

/** For all mappings to be taken back at the end. */
const farewellTime: Milliseconds = 2000

/** Outer ports that are tried when ours is somebody else's. */
const mostPorts = 4

/** What the router did for us. */
export interface Mapping {
  /** Our address as the world sees it. */
  readonly externalAddress: string
  /** Of each TCP port of ours, the one that the world uses. */
  readonly ports: ReadonlyMap<number, number>
  /** And of each UDP port. */
  readonly udpPorts: ReadonlyMap<number, number>
}

export interface PortMapperParts {
  readonly ports: readonly PortToMap[]
  /** Told of each change; undefined when nothing is mapped. */
  readonly changed: (mapping: Mapping | undefined) => void
  readonly metrics: Metrics
  readonly log: Log
  readonly find?: (options: { readonly signal: AbortSignal }) => Promise<readonly Located[]>
  readonly schedule?: Schedule
}

interface Mapped extends PortToMap {
  readonly externalPort: number
  readonly gateway: Gateway
}

/** Mappings of rounds that failed later, for which nothing can be done but to take them back at the end. */
const mostAbandoned = 64

export class PortMapper implements AsyncDisposable {
  readonly #parts: Required<PortMapperParts>
  readonly #stop = new AbortController()
  #gateway: Gateway | undefined
  #mapped: readonly Mapped[] = []
  #abandoned: readonly Mapped[] = []
  #shown = ''
  #failures = 0
  #cancel = () => {}
  #working: Promise<void>

  /** Begins at once. */
  constructor(parts: PortMapperParts) {
    this.#parts = { find: findGateways, schedule: systemSchedule, ...parts }
    parts.metrics.waypost_port_mappings.set(0)
    this.#working = this.#round()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#working
    await this.#takeBack()
  }

  async #round(): Promise<void> {
    const { schedule, log } = this.#parts
    try {
      await this.#map()
      this.#failures = 0
    } catch (error) {
      // What is mapped by now is taken back.
      if (this.#stop.signal.aborted) return
      if (this.#failures === 0) log.info({ reason: messageOf(error) }, 'no port is mapped')
      this.#gateway = undefined
      this.#abandoned = [...this.#abandoned, ...this.#mapped].slice(-mostAbandoned)
      this.#mapped = []
      this.#show(undefined)
      this.#failures += 1
    }
    if (this.#stop.signal.aborted) return
    const wait = this.#failures === 0 ? renewInterval : backoff(this.#failures - 1, retry)
    this.#cancel = schedule(() => {
      this.#working = this.#round()
    }, wait)
  }

  async #map(): Promise<void> {
    const { signal } = this.#stop
    this.#gateway ??= await this.#findGateway()
    const gateway = this.#gateway
    const externalAddress = await gateway.externalAddress(signal)
    if (isPrivate(externalAddress)) throw new Error(`the router at ${gateway.name} is itself behind a router`)
    const mapped: Mapped[] = []
    for (const port of this.#parts.ports) {
      const externalPort = await this.#mapOne(gateway, port)
      if (externalPort !== undefined) mapped.push({ ...port, externalPort, gateway })
      // What is mapped must be known even if the next one fails: it is taken back at the end.
      this.#mapped = [...mapped, ...this.#mapped.filter((old) => !mapped.some((now) => same(old, now)))]
    }
    this.#mapped = mapped
    this.#abandoned = this.#abandoned.filter((old) => !mapped.some((now) => isAt(old, now)))
    if (mapped.length === 0) throw new Error(`the router at ${gateway.name} has none of the ports left`)
    this.#show({ externalAddress, ports: portsOf(mapped, 'tcp'), udpPorts: portsOf(mapped, 'udp') })
  }

  /** The first gateway that describes a service to map ports. */
  async #findGateway(): Promise<Gateway> {
    const { signal } = this.#stop
    for (const located of await this.#parts.find({ signal })) {
      try {
        return await Gateway.open(located, signal)
      } catch (error) {
        if (!isWaypostError(error, 'nat/gateway')) throw error
      }
    }
    throw new Error('no router here maps ports by UPnP')
  }

  async #mapOne(gateway: Gateway, port: PortToMap): Promise<number | undefined> {
    const { signal } = this.#stop
    const before = this.#mapped.find((mapped) => same(mapped, port))?.externalPort
    for (let tries = 0; tries < mostPorts; tries++) {
      const externalPort = tries === 0 ? (before ?? port.port) : anyPort()
      if (await gateway.map(port, externalPort, signal)) return externalPort
    }
    return undefined
  }

  #show(mapping: Mapping | undefined): void {
    const { changed, metrics, log } = this.#parts
    const shown = mapping === undefined ? '' : textOf(mapping)
    if (shown === this.#shown) return
    this.#shown = shown
    metrics.waypost_port_mappings.set(this.#mapped.length)
    if (mapping !== undefined) log.info({ ports: Object.fromEntries(mapping.ports) }, 'ports are mapped by the router')
    changed(mapping)
  }

  async #takeBack(): Promise<void> {
    const signal = AbortSignal.timeout(farewellTime)
    const all = [...this.#mapped, ...this.#abandoned]
    await Promise.allSettled(all.map((one) => one.gateway.unmap(one.protocol, one.externalPort, signal)))
  }
}

function portsOf(mapped: readonly Mapped[], kind: PortToMap['protocol']): Map<number, number> {
  return new Map(mapped.filter(({ protocol }) => protocol === kind).map((one) => [one.port, one.externalPort]))
}

function textOf({ externalAddress, ports, udpPorts }: Mapping): string {
  return [externalAddress, ...[...ports].flat(), 'udp', ...[...udpPorts].flat()].join(' ')
}

/** True when both are one mapping on the router. */
function isAt(one: Mapped, other: Mapped): boolean {
  const isSame = one.protocol === other.protocol && one.externalPort === other.externalPort
  return isSame && one.gateway.name === other.gateway.name
}

function same(one: PortToMap, other: PortToMap): boolean {
  return one.protocol === other.protocol && one.port === other.port
}

/** Above those that services have by convention, below those that the router itself connects from. */
function anyPort(): number {
  return 20_000 + Math.floor(Math.random() * 12_000)
}
