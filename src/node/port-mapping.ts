/** Has the router map the ports of this node, when `--nat` says so. */
import { hostOf } from '../net/addresses.ts'
import type { Host } from '../net/host.ts'
import type { PortToMap } from '../net/nat/gateway.ts'
import { PortMapper } from '../net/nat/port-mapper.ts'
import { isLoopback, isPrivate } from '../net/networks.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface PortMappingParts {
  readonly settings: Pick<Settings, 'nat' | 'discv5Discovery' | 'discv5UdpPort'>
  /** Started. */
  readonly host: Pick<Host, 'addresses' | 'reachability'>
  readonly metrics: Metrics
  readonly log: Log
}

/** The mapper, at work; undefined when no router is to be asked. */
export function mapPorts({ settings, host, metrics, log }: PortMappingParts): PortMapper | undefined {
  const { by } = settings.nat
  const ports = portsOf(host, settings)
  if ((by !== 'any' && by !== 'upnp') || ports.length === 0) {
    metrics.waypost_port_mappings.remove()
    return undefined
  }
  return new PortMapper({ ports, changed: (mapping) => host.reachability.map(mapping), metrics, log })
}

/** Our ports that a router can lead to: those on addresses of a private network. */
function portsOf(host: PortMappingParts['host'], settings: PortMappingParts['settings']): PortToMap[] {
  const own = host.addresses().filter((address) => isInner(hostOf(address)))
  const tcp = own.flatMap((address) => address.getComponents().filter(({ name }) => name === 'tcp'))
  const ports = [...new Set(tcp.map(({ value }) => Number(value)))].map((port) => ({ protocol: 'tcp' as const, port }))
  if (ports.length === 0 || !settings.discv5Discovery || settings.discv5UdpPort === 0) return ports
  return [...ports, { protocol: 'udp', port: settings.discv5UdpPort }]
}

function isInner(host: string | undefined): boolean {
  return host !== undefined && isPrivate(host) && !isLoopback(host)
}
