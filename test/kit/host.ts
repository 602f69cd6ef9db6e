/** Hosts on loopback, each on a free port, torn down with the test. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ServiceMap } from '@libp2p/interface'
import { type BaseServices, createHost, type Host, type HostOptions } from '../../src/net/host.ts'
import { hostLimits } from '../../src/net/limits.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import type { Owner } from './owner.ts'
import { stockPieces } from './stack.ts'

/** 150 KiB, nwaku's `max-msg-size`. */
const maxMessageBytes = 150 * 1024

export interface TestHostOptions<S extends ServiceMap> extends Partial<HostOptions<S>> {
  /** Called with the host before it starts: the place to mount protocols. */
  readonly mount?: (host: Host<S>) => void | Promise<void>
}

/** A started host on 127.0.0.1, TCP only unless `listen` says otherwise. */
export async function host<S extends ServiceMap = BaseServices>(
  t: Owner,
  { mount, ...options }: TestHostOptions<S> = {},
): Promise<Host<S>> {
  const made = await createHost<S>({
    privateKey: await generateKeyPair('secp256k1'),
    agent: 'waypost/test',
    listen: { address: '127.0.0.1', tcpPort: 0 },
    limits: hostLimits(maxMessageBytes),
    stock: stockPieces,
    log: silentLog(),
    metrics: createMetrics(),
    ...options,
  })
  t.teardown(() => made[Symbol.asyncDispose]())
  await mount?.(made)
  await made.start()
  return made
}

/** Two started hosts, the first connected to the second. */
export async function pair<S extends ServiceMap = BaseServices>(
  t: Owner,
  options: TestHostOptions<S> = {},
): Promise<[Host<S>, Host<S>]> {
  const [one, other] = await Promise.all([host<S>(t, options), host<S>(t, options)])
  await connect(one, other)
  return [one, other]
}

/** Connects `one` to `other` and waits until both know it. */
export async function connect(one: Host<ServiceMap>, other: Host<ServiceMap>): Promise<void> {
  const [address] = other.addresses()
  if (address === undefined) throw new Error('the other host does not listen')
  const known = new Promise<void>((resolve) => {
    if (other.libp2p.getPeers().some((peer) => peer.equals(one.libp2p.peerId))) return resolve()
    other.libp2p.addEventListener('peer:connect', ({ detail }) => detail.equals(one.libp2p.peerId) && resolve())
  })
  await one.libp2p.dial(address)
  await known
}
