/**
 * A forge (AutoTLS, p2p-forge) on loopback: it has the owner of a peer id prove himself by the scheme libp2p-PeerID, dials
 * the addresses that it is told, and has a real name server publish the proof for the authority. Its side of the scheme
 * stands here by itself, written from the specification, so that it does not agree with ours by being ours.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { generateKeyPair, publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { host } from './host.ts'
import type { NameServer } from './name-server.ts'
import type { Owner } from './owner.ts'

export interface ForgeOptions {
  /** Publishes what is proved; absent: it forgets to. */
  readonly names?: NameServer
  readonly domain: string
  /** Answers so, instead of doing its work. */
  readonly instead?: (request: IncomingMessage, response: ServerResponse) => void
  /** Signs with a key that is not the one that it shows. */
  readonly lies?: boolean
}

export interface TestForge {
  readonly endpoint: string
  /** Who proved himself, and was dialled. */
  readonly registered: { readonly peerId: PeerId; readonly value: string; readonly addresses: readonly string[] }[]
  /** Requests that were refused, and why. */
  readonly refused: string[]
  readonly options: { instead?: ForgeOptions['instead'] }
}

interface Session {
  readonly challenge: string
  readonly publicKey: Buffer
}

export async function forge(t: Owner, given: ForgeOptions): Promise<TestForge> {
  const options = { ...given }
  const registered: TestForge['registered'] = []
  const refused: string[] = []
  const sessions = new Map<string, Session>()
  const [key, other] = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')]
  const own = Buffer.from(publicKeyToProtobuf(key.publicKey))

  async function challenge(header: Map<string, string>, hostname: string): Promise<string> {
    const session = { challenge: randomBytes(24).toString('base64url'), publicKey: bytesOf(header, 'public-key') }
    const opaque = randomBytes(12).toString('base64url')
    sessions.set(opaque, session)
    const signed = data([
      ['challenge-server', Buffer.from(header.get('challenge-server') ?? '')],
      ['client-public-key', session.publicKey],
      ['hostname', Buffer.from(hostname)],
    ])
    const sig = await (options.lies ? other : key).sign(signed)
    return parameters({ 'challenge-client': session.challenge, 'public-key': base64(own), sig: base64(sig), opaque })
  }

  async function identify(header: Map<string, string>, hostname: string): Promise<PeerId> {
    const session = sessions.get(header.get('opaque') ?? '')
    if (session === undefined) throw new Error('no such session')
    const publicKey = publicKeyFromProtobuf(session.publicKey)
    const signed = data([
      ['challenge-client', Buffer.from(session.challenge)],
      ['hostname', Buffer.from(hostname)],
      ['server-public-key', own],
    ])
    if (!(await publicKey.verify(signed, bytesOf(header, 'sig')))) throw new Error('the signature is not good')
    return peerIdFromPublicKey(publicKey)
  }

  async function register(peerId: PeerId, body: string): Promise<void> {
    const { value, addresses } = JSON.parse(body)
    if (Buffer.from(value, 'base64url').length !== 32) throw new Error('the value is no digest')
    await reach(t, peerId, addresses)
    registered.push({ peerId, value, addresses })
    const label = BigInt(`0x${Buffer.from(peerId.toCID().bytes).toString('hex')}`).toString(36)
    await options.names?.change(new Map([[`_acme-challenge.k${label}.${options.domain}`, value]]))
  }

  const server = createServer(async (request, response) => {
    if (options.instead !== undefined) return options.instead(request, response)
    const header = new Map(Array.from((request.headers.authorization ?? '').matchAll(/([a-z-]+)="([^"]*)"/g), pair))
    const hostname = request.headers.host ?? ''
    try {
      if (request.url !== '/v1/_acme-challenge') throw new Error('no such path')
      if (!header.has('sig')) {
        response.setHeader('www-authenticate', await challenge(header, hostname))
        response.setHeader('set-cookie', 'server=7; Path=/; HttpOnly')
        return response.writeHead(401).end()
      }
      if (request.headers.cookie !== 'server=7') throw new Error('another server')
      await register(await identify(header, hostname), await text(request))
      return response.end()
    } catch (error) {
      refused.push(String(error))
      return response.writeHead(400).end(String(error))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, registered, refused, options }
}

/** Dials the peer at the first of its TCP addresses; here every address leads to this machine. */
async function reach(t: Owner, peerId: PeerId, addresses: readonly string[]): Promise<void> {
  const port = addresses.map((address) => /^\/ip4\/[\d.]+\/tcp\/(\d+)$/.exec(address)?.[1]).find(Boolean)
  const dialler = await host(t)
  await dialler.libp2p.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`))
}

/** The bytes that are signed: pairs in the order of their names, each after its length. */
function data(pairs: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = pairs.map(([name, value]) => Buffer.concat([Buffer.from(`${name}=`), value]))
  return Buffer.concat([
    Buffer.from('libp2p-PeerID'),
    ...parts.flatMap((part) => [
      Buffer.from(part.length < 128 ? [part.length] : [(part.length & 127) | 128, part.length >> 7]),
      part,
    ]),
  ])
}

function pair([, name = '', value = '']: RegExpMatchArray): [string, string] {
  return [name, value]
}

function bytesOf(header: Map<string, string>, name: string): Buffer {
  return Buffer.from(header.get(name) ?? '', 'base64url')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

function parameters(values: Readonly<Record<string, string>>): string {
  return `libp2p-PeerID ${Object.entries(values)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`
}
