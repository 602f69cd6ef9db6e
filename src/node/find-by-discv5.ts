/** Peers by discv5, and how we are found by it: `--discv5-discovery` and the settings beside it. */
import { isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../core/errors.ts'
import { hostOf } from '../net/addresses.ts'
import type { SocketAddress } from '../net/discovery/address-fields.ts'
import { sharesShard } from '../net/discovery/discv5/filter.ts'
import { type Discv5, startDiscv5 } from '../net/discovery/discv5/service.ts'
import { type Enr, enrFromText } from '../net/discovery/enr.ts'
import { type Found, foundIn } from '../net/discovery/found.ts'
import { shardsIn } from '../net/discovery/shard-fields.ts'
import type { Host } from '../net/host.ts'
import { isPrivate } from '../net/networks.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Finder, FinderParts } from './finders.ts'
import { Retried } from './retried.ts'

/** What our record says of our discv5. */
export interface UdpEndpoint {
  port?: number | undefined
  /** Where others see us, once they agree and we are to believe them. */
  seen?: SocketAddress | undefined
}

/** What holds before discv5 listens: a port that is given is the one that it will have. */
export function udpEndpoint({ discv5Discovery, discv5UdpPort }: Settings): UdpEndpoint {
  return { port: discv5Discovery && discv5UdpPort !== 0 ? discv5UdpPort : undefined }
}

/** Our addresses, the one first at which others see us. What the operator says of our address counts more. */
export function withSeen(addresses: readonly Multiaddr[], { seen }: UdpEndpoint): readonly Multiaddr[] {
  const isPublic = ({ host }: { host: string }) => isIP(host) !== 0 && !isPrivate(host)
  const plain = addresses.flatMap(plainTcp)
  const [first] = plain
  if (seen === undefined || first === undefined || plain.some(isPublic)) return addresses
  return [multiaddr(`/ip${isIP(seen.address)}/${seen.address}/tcp/${first.port}`), ...addresses]
}

/** The UDP port in our record: where others see us, else the one that the router has for us, else our own. */
export function outerPort(
  { port, seen }: UdpEndpoint,
  { reachability }: Pick<Host, 'reachability'>,
): number | undefined {
  return port === undefined || seen !== undefined ? port : reachability.udpPort(port)
}

export async function findByDiscv5(parts: FinderParts): Promise<Finder | undefined> {
  const { settings, record, udp } = parts
  if (!settings.discv5Discovery) return undefined
  const log = parts.log.child({ part: 'discv5' })
  const failed = (): void => {
    udp.port = undefined
    record.update()
  }
  const discv5 = await Retried.open({ open: () => openDiscv5(parts, log), failed, log })
  return {
    findMore: () => discv5.part?.findMore(),
    health: { protocol: 'Discv5', trouble: () => discv5.trouble },
    [Symbol.asyncDispose]: () => discv5[Symbol.asyncDispose](),
  }
}

async function openDiscv5(parts: FinderParts, log: Log): Promise<Pick<Discv5, 'findMore'> & AsyncDisposable> {
  const { settings, host, record, pool, udp, metrics } = parts
  await using opened = new AsyncDisposableStack()
  const read = reader()
  const discv5 = opened.use(
    await startDiscv5({
      privateKey: host.privateKey,
      record: () => record.record,
      address: settings.listenAddress,
      port: settings.discv5UdpPort,
      bootstrap: bootstrapRecords(settings, log),
      accepts: (theirs) => sharesShard(theirs, shardsIn(record.record.pairs)),
      found: (enr) => void pool.add(read(enr)),
      seen: settings.discv5EnrAutoUpdate ? (address) => announce(address, parts) : undefined,
      tableIpLimit: settings.discv5TableIpLimit,
      bucketIpLimit: settings.discv5BucketIpLimit,
      bitsPerHop: settings.discv5BitsPerHop,
      takesPrivate: parts.isPrivate,
      metrics,
      log,
    }),
  )
  udp.port = discv5.port
  record.update()
  // Nodes that were found by another way are a way into the network too.
  opened.use(
    pool.onFound(({ record: theirs, source }) => {
      if (theirs !== undefined && source !== 'discv5') discv5.addRecord(theirs)
    }),
  )
  const kept = opened.move()
  return { findMore: () => discv5.findMore(), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Reads each record once: the same ones are found again and again, and a key takes milliseconds. */
function reader(): (record: Enr) => Found {
  const read = new WeakMap<Enr, Found>()
  return (record) => {
    const found = read.get(record) ?? foundIn(record, 'discv5')
    read.set(record, found)
    return found
  }
}

/** The records to begin with. One that cannot be read is left out and said: the others may do. */
function bootstrapRecords({ discv5BootstrapNode }: Settings, log: Log): Enr[] {
  return discv5BootstrapNode.flatMap((text) => {
    try {
      return [enrFromText(text)]
    } catch (error) {
      log.warn({ record: text, reason: messageOf(error) }, 'discv5-bootstrap-node left out')
      return []
    }
  })
}

function announce(seen: SocketAddress, { udp, record, log }: FinderParts): void {
  if (isPrivate(seen.address) || (udp.seen?.address === seen.address && udp.seen.port === seen.port)) return
  udp.seen = seen
  udp.port = seen.port
  record.update()
  log.info({ address: seen.address, port: seen.port }, 'discv5 learned our address')
}

function plainTcp(address: Multiaddr): { host: string; port: number }[] {
  const [, tcp, ...rest] = address.getComponents().filter(({ name }) => name !== 'p2p')
  const host = hostOf(address)
  return host !== undefined && tcp?.name === 'tcp' && rest.length === 0 ? [{ host, port: Number(tcp.value) }] : []
}
