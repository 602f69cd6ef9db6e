/**
 * Finds routers that map ports: SSDP of the UPnP Device Architecture 1.1 (section 1.3), one question to a multicast
 * address of the local network, answered by whoever is a gateway.
 *
 * Anyone on that network may answer. So an answer is believed only about the machine that sent it, and only one with a
 * private address: nobody can send us to a third.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Milliseconds } from '../../core/time.ts'
import { isPrivate } from '../networks.ts'

/** Where gateways listen. */
const everyGateway = { address: '239.255.255.250', port: 1900 }

/** The kinds of gateway that are asked for. */
const kinds = ['InternetGatewayDevice:1', 'InternetGatewayDevice:2'].map(
  (kind) => `urn:schemas-upnp-org:device:${kind}`,
)

/** The question is a datagram that may be lost. */
const questions = 2

/** Between two questions, and after the last for its answers. A gateway waits up to a second (MX) before it answers. */
const answerTime: Milliseconds = 1500

/** Bytes of an answer. */
const answerBytes = 2048

/** Answers that are looked at. */
const mostAnswers = 8

/** Where a gateway describes itself, and our address on its network. */
export interface Located {
  readonly location: URL
  readonly localAddress: string
}

export interface SearchOptions {
  /** Our addresses on the networks to ask in; by default those of all interfaces, but for loopback. */
  readonly localAddresses?: readonly string[]
  readonly target?: { readonly address: string; readonly port: number }
  readonly signal: AbortSignal
}

/** The gateways that answer, at the most eight. Does not throw. */
export async function findGateways(options: SearchOptions): Promise<Located[]> {
  const { localAddresses = privateAddresses(), target = everyGateway, signal } = options
  const found = new Map<string, Located>()
  await Promise.all(localAddresses.map((address) => ask(address, target, signal, found).catch(() => {})))
  return [...found.values()]
}

/** IPv4 addresses of this machine in private networks: with a public one there is no router to ask. */
function privateAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all
    .filter(({ family, internal, address }) => family === 'IPv4' && !internal && isPrivate(address))
    .map(({ address }) => address)
}

async function ask(
  localAddress: string,
  target: { readonly address: string; readonly port: number },
  signal: AbortSignal,
  found: Map<string, Located>,
): Promise<void> {
  const socket = createSocket('udp4')
  try {
    socket.on('error', () => {})
    socket.on('message', (answer, from) => {
      const location = locationIn(answer, from)
      if (location !== undefined && found.size < mostAnswers) found.set(location.href, { location, localAddress })
    })
    socket.bind(0, localAddress)
    await once(socket, 'listening', { signal })
    for (let question = 0; question < questions; question++) {
      for (const kind of kinds) send(socket, kind, target)
      await delay(answerTime, undefined, { signal })
    }
  } finally {
    socket.close()
  }
}

function send(socket: Socket, kind: string, { address, port }: { address: string; port: number }): void {
  const lines = ['M-SEARCH * HTTP/1.1', `HOST: ${address}:${port}`, 'MAN: "ssdp:discover"', 'MX: 1', `ST: ${kind}`]
  // A network that cannot be sent to has no gateway.
  socket.send(`${lines.join('\r\n')}\r\n\r\n`, port, address, () => {})
}

/** Where the answer says that its sender describes itself; undefined for one that speaks of anybody else. */
export function locationIn(answer: Uint8Array, from: Pick<RemoteInfo, 'address'>): URL | undefined {
  if (answer.byteLength > answerBytes || !isPrivate(from.address)) return undefined
  const text = Buffer.from(answer).toString('latin1')
  const [, written = ''] = /^location:[ \t]*(\S+)/im.exec(text) ?? []
  if (!text.startsWith('HTTP/1.1 200') || !URL.canParse(written)) return undefined
  const location = new URL(written)
  return location.protocol === 'http:' && location.hostname === from.address ? location : undefined
}
