/**
 * Tells a server over HTTP who we are, as the owner of a peer id: the scheme `libp2p-PeerID`, in its form that the client
 * begins, which takes two requests to one resource.
 * https://github.com/libp2p/specs/blob/01a8fe1517cbdd58ecd7c77b7f695c4c5f10fde2/http/peer-id-auth.md
 */
import { randomBytes } from 'node:crypto'
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'

const scheme = 'libp2p-PeerID'

/** Characters of a header: the specification's advice. */
const mostCharacters = 2048

type Parameters = Readonly<Record<string, string | Uint8Array>>

export interface PeerIdAuthOptions {
  readonly privateKey: PrivateKey
  /** The server's, as it stands in the header Host. */
  readonly hostname: string
  /** What the server is to sign; by chance unless given. */
  readonly challenge?: string
}

export interface PeerIdAuth {
  /** The header Authorization of the first request. */
  readonly first: string
  /** That of the second, from the header WWW-Authenticate of the first answer. Throws when the server proves nothing. */
  second(answer: string): Promise<string>
}

export function peerIdAuth({
  privateKey,
  hostname,
  challenge = randomBytes(32).toString('base64url'),
}: PeerIdAuthOptions): PeerIdAuth {
  const own = publicKeyToProtobuf(privateKey.publicKey)
  return {
    first: headerOf({ 'challenge-server': challenge, 'public-key': base64url(own) }),
    async second(answer) {
      const { 'challenge-client': asked, 'public-key': key, sig, opaque } = parametersIn(answer)
      if (asked === undefined || key === undefined || sig === undefined) throw new Error('it does not say who it is')
      const server = Buffer.from(key, 'base64url')
      const signed = { 'challenge-server': challenge, 'client-public-key': own, hostname }
      if (!(await isSigned(server, signed, sig))) throw new Error('its signature is not good')
      const answered = { 'challenge-client': asked, 'server-public-key': server, hostname }
      const signature = base64url(await privateKey.sign(signedBytes(answered)))
      return headerOf({ ...(opaque !== undefined && { opaque }), sig: signature })
    },
  }
}

/** What a signature is over: the scheme, and each parameter after its length, by name. */
export function signedBytes(parameters: Parameters): Uint8Array {
  const parts = Object.keys(parameters)
    .toSorted()
    .map((name) => Buffer.concat([Buffer.from(`${name}=`), Buffer.from(parameters[name] ?? '')]))
  return Buffer.concat([Buffer.from(scheme), ...parts.flatMap((part) => [varint(part.length), part])])
}

async function isSigned(publicKey: Uint8Array, parameters: Parameters, signature: string): Promise<boolean> {
  try {
    return await publicKeyFromProtobuf(publicKey).verify(signedBytes(parameters), Buffer.from(signature, 'base64url'))
  } catch {
    // A key of no kind that there is, or a signature of no form.
    return false
  }
}

function headerOf(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return `${scheme} ${pairs.join(', ')}`
}

function parametersIn(header: string): Partial<Record<string, string>> {
  if (header.length > mostCharacters || !header.startsWith(`${scheme} `)) return {}
  const pairs = header.slice(scheme.length).matchAll(/([a-z-]{1,32})="([^"]*)"/g)
  return Object.fromEntries(Array.from(pairs, ([, name, value]) => [name, value]))
}

function varint(length: number): Uint8Array {
  return length < 0x80 ? Uint8Array.of(length) : Uint8Array.of(0x80 | (length & 0x7f), ...varint(length >> 7))
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
