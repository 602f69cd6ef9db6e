/** Two daemons that relay to each other, and something of everything that a client can ask of the first. */
import { multiaddr } from '@multiformats/multiaddr'
import type { Test } from 'tap'
import { request } from '../../src/net/exchange.ts'
import { FilterClient } from '../../src/protocols/filter/client.ts'
import { push } from '../../src/protocols/lightpush/client.ts'
import { encodeLegacyRequest, legacyLightPushProtocol } from '../../src/protocols/lightpush/legacy-codec.ts'
import { StoreClient } from '../../src/protocols/store/client.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import type { Daemon } from './daemon.ts'
import { host } from './host.ts'
import { messageBytes, testContentTopic } from './messages.ts'
import { type TwinOptions, twins } from './twins.ts'

/** Where the test content topic belongs, of the eight shards of the test network. */
export const busyTopic = '/waku/2/rs/66/1'

/** Messages of each kind. */
export const traffic = { lightpush: 3, legacy: 2, relayed: 4, queries: 2 } as const

/** Starts both with `flags`. */
export function busyTwins(t: Test, { flags = [], ...options }: TwinOptions = {}): Promise<[Daemon, Daemon]> {
  return twins(t, { ...options, flags: ['--metrics-server', '--metrics-server-port=0', '--rest-admin', ...flags] })
}

/** Publishes by light push of both versions and through the other node, subscribes, asks for history, asks by REST. */
export async function clientTraffic(t: Test, node: Daemon, other: Daemon): Promise<void> {
  const { libp2p } = await host(t)
  const [near, far] = [multiaddr(node.tcp), multiaddr(other.tcp)]
  const { remotePeer } = await libp2p.dial(near)
  const got = await subscriber(t, node)
  for (let index = 0; index < traffic.lightpush; index++) await push(libp2p, near, messageBytes(), undefined)
  for (let index = 0; index < traffic.legacy; index++) await legacyPush(libp2p, node)
  for (let index = 0; index < traffic.relayed; index++) await push(libp2p, far, messageBytes(), undefined)
  await got(traffic.lightpush + traffic.legacy + traffic.relayed)
  const store = new StoreClient({ libp2p })
  const all = { direction: 'forward', limit: 100, includeData: true } as const
  for (let index = 0; index < traffic.queries; index++) await store.query(remotePeer, all)
  await store.query(remotePeer, { ...all, start: 2n, end: 1n }).catch(() => {})
  for (const path of ['/health', '/admin/v1/peers', '/store/v3/messages', '/no/such/path'])
    await (await fetch(`${node.restUrl}${path}`)).text()
}

/** A filter client of `node`; what it gives settles when so many messages have come to it. */
async function subscriber(t: Test, node: Daemon): Promise<(count: number) => Promise<void>> {
  const { libp2p } = await host(t)
  let received = 0
  let notify = (): void => {}
  const receive = (): void => {
    received += 1
    notify()
  }
  const client = await FilterClient.open({ libp2p, maxMessageBytes: 150 * 1024, log: silentLog(), receive })
  const { remotePeer } = await libp2p.dial(multiaddr(node.tcp))
  await client.subscribe(remotePeer, busyTopic, [testContentTopic])
  return (count) =>
    new Promise((resolve) => {
      notify = () => received >= count && resolve()
      notify()
    })
}

async function legacyPush(libp2p: Parameters<typeof request>[0], node: Daemon): Promise<void> {
  const body = encodeLegacyRequest({ requestId: 'x', pubsubTopic: busyTopic, message: messageBytes() })
  const limits = { responseBytes: 1024, timeout: 10_000 }
  await request(libp2p, multiaddr(node.tcp), legacyLightPushProtocol, body, limits)
}
