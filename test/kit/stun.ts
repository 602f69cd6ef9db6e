/** Packets of STUN (RFC 8489) as a browser begins WebRTC with, from sockets of UDP that belong to nobody. */
import { createHmac, randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { crc32 } from 'node:zlib'
import type { Owner } from './owner.ts'

const attribute = {
  username: 6,
  integrity: 8,
  priority: 0x24,
  useCandidate: 0x25,
  fingerprint: 0x8028,
  controlling: 0x802a,
}

/** A name that WebRTC-direct takes: its user and its password are one. */
export function ufrag(): string {
  return `libp2p+webrtc+v1/${randomBytes(12).toString('hex')}`
}

/** A binding request for `name`, whole and signed. */
export function bindingRequest(name: string): Uint8Array {
  const transaction = randomBytes(12)
  const head = (length: number): Buffer => {
    const bytes = Buffer.alloc(20)
    bytes.writeUInt16BE(1, 0)
    bytes.writeUInt16BE(length, 2)
    bytes.writeUInt32BE(0x2112a442, 4)
    transaction.copy(bytes, 8)
    return bytes
  }
  const asked = Buffer.concat([
    attributeOf(attribute.username, Buffer.from(`${name}:${name}`)),
    attributeOf(attribute.priority, Buffer.alloc(4, 1)),
    attributeOf(attribute.controlling, randomBytes(8)),
    attributeOf(attribute.useCandidate, Buffer.alloc(0)),
  ])
  const mac = createHmac('sha1', name).update(Buffer.concat([head(asked.length + 24), asked]))
  const signed = Buffer.concat([asked, attributeOf(attribute.integrity, mac.digest())])
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE((crc32(Buffer.concat([head(signed.length + 8), signed])) ^ 0x5354554e) >>> 0)
  const body = Buffer.concat([signed, attributeOf(attribute.fingerprint, sum)])
  return Buffer.concat([head(body.length), body])
}

function attributeOf(type: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

/** A socket on loopback. */
export async function udpSocket(t: Owner): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return socket
}
