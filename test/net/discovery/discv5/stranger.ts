/** Somebody on loopback who speaks discv5 and follows no rule but those that a test writes for it. */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Test } from 'tap'
import { idBytes, nodeIdOf } from '../../../../src/net/discovery/discv5/ids.ts'
import {
  ephemeralKeyPair,
  type Handshake,
  seal,
  sessionKeys,
  sharedSecret,
  signIdentity,
  unseal,
} from '../../../../src/net/discovery/discv5/keys.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../../src/net/discovery/discv5/messages.ts'
import {
  decodePacket,
  encodeHead,
  encodePacket,
  handshakeData,
  type WhoareyouPacket,
} from '../../../../src/net/discovery/discv5/packet.ts'
import type { Enr } from '../../../../src/net/discovery/enr.ts'
import { signRecord } from '../../../../src/net/discovery/node-record.ts'
import type { TestNode } from '../../../kit/discv5.ts'

/** Somebody with a socket and a key of its own, who follows no rule but those that we write here. */
export class Stranger {
  readonly #socket = createSocket('udp4')
  readonly #inbox: Buffer[] = []
  #wake = Promise.withResolvers<void>()
  readonly privateKey: PrivateKey
  readonly record: Enr
  readonly id: string
  /** Bytes that it has sent. */
  sent = 0

  constructor(privateKey: PrivateKey, record: Enr) {
    this.privateKey = privateKey
    this.record = record
    this.id = nodeIdOf(record.publicKey)
  }

  /** Bound to `address`; its record says `claimed`, or that it is where it is. */
  static async at(t: Test, address: string, claimed?: { address: string; port: number }): Promise<Stranger> {
    const privateKey = await generateKeyPair('secp256k1')
    const probe = createSocket('udp4')
    probe.bind({ address, port: 0 })
    await once(probe, 'listening')
    const { port } = probe.address()
    await new Promise<void>((resolve) => probe.close(resolve))
    const at = claimed ?? { address, port }
    const addresses = [multiaddr(`/ip4/${at.address}/tcp/60000`)]
    const shards = { cluster: 16, shards: [0] }
    const record = signRecord({ addresses, udpPort: at.port, capabilities: ['relay'], shards }, privateKey, 1n)
    const stranger = new Stranger(privateKey, record)
    await stranger.#bind(address, port)
    t.teardown(() => stranger.#socket.close())
    return stranger
  }

  /** What comes next. */
  async receive(): Promise<Buffer> {
    while (this.#inbox.length === 0) await this.#wake.promise
    return this.#inbox.shift() ?? Buffer.alloc(0)
  }

  get waiting(): number {
    return this.#inbox.length
  }

  async send(to: TestNode, bytes: Uint8Array): Promise<void> {
    this.sent += bytes.length
    await new Promise((resolve) => this.#socket.send(bytes, to.discv5.port, addressOf(to), resolve))
  }

  /** Asks for a challenge, and gives it. */
  async challenged(by: TestNode, message = randomBytes(44)): Promise<{ packet: WhoareyouPacket; bytes: Buffer }> {
    const nonce = randomBytes(12)
    await this.send(by, this.packet(by, 'message', nonce, idBytes(this.id), message))
    for (;;) {
      const bytes = await this.receive()
      const packet = decodePacket(bytes, idBytes(this.id), 'd5waku')
      if (packet?.kind === 'whoareyou' && Buffer.compare(packet.nonce, nonce) === 0) return { packet, bytes }
    }
  }

  /** The handshake that answers a challenge, with `message` in it; and the keys of the session. */
  handshake(with_: TestNode, { challenge }: WhoareyouPacket, message: Message, record: Uint8Array | undefined) {
    const recipient = nodeIdOf(with_.record().publicKey)
    const ephemeral = ephemeralKeyPair()
    const handshake: Handshake = { initiator: this.id, recipient, challenge }
    const keys = sessionKeys(sharedSecret(with_.record().publicKey, ephemeral.privateKey), handshake)
    const signature = signIdentity(this.privateKey.raw, ephemeral.publicKey, handshake)
    const authdata = handshakeData(this.id, { signature, ephemeralKey: ephemeral.publicKey, record })
    const nonce = randomBytes(12)
    const head = headOf('handshake', authdata, nonce)
    const packet = encodePacket(recipient, head, seal(keys.initiator, nonce, encodeMessage(message), head))
    return { keys, packet }
  }

  /** A message under the keys of a session. */
  sealed(to: TestNode, key: Uint8Array, message: Message): Uint8Array {
    const nonce = randomBytes(12)
    const authdata = idBytes(this.id)
    const head = headOf('message', authdata, nonce)
    return encodePacket(nodeIdOf(to.record().publicKey), head, seal(key, nonce, encodeMessage(message), head))
  }

  /** Reads until a message of this type comes under `key`. */
  async answer(key: Uint8Array, type: Message['type']): Promise<Message> {
    for (;;) {
      const message = await this.message(key)
      if (message?.type === type) return message
    }
  }

  /** The next packet as a message under `key`; undefined when it is none. */
  async message(key: Uint8Array): Promise<Message | undefined> {
    const packet = decodePacket(await this.receive(), idBytes(this.id), 'd5waku')
    if (packet?.kind !== 'message') return undefined
    const plain = unseal(key, packet.nonce, packet.sealed, packet.head)
    return plain && decodeMessage(plain)
  }

  packet(
    to: TestNode,
    kind: 'message' | 'whoareyou' | 'handshake',
    nonce: Uint8Array,
    authdata: Uint8Array,
    message: Uint8Array = Buffer.alloc(0),
  ): Buffer {
    const head = headOf(kind, authdata, nonce)
    return encodePacket(nodeIdOf(to.record().publicKey), head, message)
  }

  async #bind(address: string, port: number): Promise<void> {
    this.#socket.on('message', (bytes) => {
      this.#inbox.push(bytes)
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    })
    this.#socket.bind({ address, port })
    await once(this.#socket, 'listening')
  }
}

function addressOf(node: TestNode): string {
  const ip = node.record().pairs.get('ip')
  return ip === undefined ? '127.0.0.1' : [...ip].join('.')
}

/** The head of a packet of `d5waku`. */
export function headOf(
  kind: 'message' | 'whoareyou' | 'handshake',
  authdata: Uint8Array,
  nonce: Uint8Array = randomBytes(12),
): Buffer {
  return encodeHead({ iv: randomBytes(16), protocol: 'd5waku', kind, nonce, authdata })
}
