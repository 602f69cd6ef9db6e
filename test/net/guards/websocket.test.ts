/** Attacks on the WebSocket listener by strangers. Each is first shown to work against the stock listener. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { MiB } from '../../../src/net/limits.ts'
import { host } from '../../kit/host.ts'
import { closed, rawSocket, type Victim, victim } from '../../kit/victim.ts'

const upgrade = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Extensions: permessage-deflate',
  '\r\n',
].join('\r\n')

/** RFC 6455, 5.2: each breaks one rule of framing. The mask is zero, so that the bytes are the payload. */
const malformed = {
  'not masked': bytes(0x82, 0x05, 1, 2, 3, 4, 5),
  'a reserved bit set': bytes(0xc2, 0x80, 0, 0, 0, 0),
  'a reserved opcode': bytes(0x83, 0x80, 0, 0, 0, 0),
  'a close code that does not exist': bytes(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xec),
  'a length of 2^63': bytes(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  'a ping in fragments': bytes(0x09, 0x80, 0, 0, 0, 0),
}

const timings = {
  /** In the same segment as the request: `ws` gets it as the head of the upgrade. */
  'with the request': async (socket: Socket, frame: Buffer) => {
    socket.write(Buffer.concat([Buffer.from(upgrade), frame]))
  },
  'after the answer': async (socket: Socket, frame: Buffer) => {
    await upgraded(socket)
    socket.write(frame)
  },
}

const [stock, undying, guarded] = await Promise.all([
  victim(t, 'stock'),
  victim(t, 'undying'),
  victim(t, 'guarded', { openTimeout: 2000 }),
])

t.test(
  'a guarded listener closes the connection of whoever sends a malformed frame, and serves the others',
  async (t) => {
    for (const [kind, frame] of Object.entries(malformed)) {
      for (const [timing, attack] of Object.entries(timings)) {
        const socket = await rawSocket(t, guarded.ws)
        await attack(socket, frame)
        await closed(socket)
        t.ok(guarded.isAlive(), `${kind}, ${timing}`)
      }
    }
    await honestDial(t, guarded.ws)
  },
)

t.test('without the guard each of these frames is an uncaught exception', async (t) => {
  for (const [kind, frame] of Object.entries(malformed)) {
    for (const [timing, attack] of Object.entries(timings)) {
      const uncaught = undying.uncaught()
      await attack(await rawSocket(t, undying.ws), frame)
      t.match(await uncaught, /RangeError/, `${kind}, ${timing}`)
    }
  }
})

t.test('a frame that never ends fills the memory of a stock listener, not that of a guarded one', async (t) => {
  t.ok((await growth(t, stock)) > 100 * MiB, 'stock')
  t.ok((await growth(t, guarded)) < 40 * MiB, 'guarded')
  await honestDial(t, guarded.ws)
})

t.test('compression is not taken up', async (t) => {
  t.notMatch(await upgraded(await rawSocket(t, guarded.ws)), /permessage-deflate/i)
})

t.test('a socket that never says who it is stays open on a stock listener, not on a guarded one', async (t) => {
  const starts = ['', 'GET / HTTP/1.1\r\nHost: 127', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', upgrade]
  const kept = await Promise.all(starts.map((start) => opened(t, stock, start)))
  const refused = await Promise.all(starts.map((start) => opened(t, guarded, start)))
  await Promise.all(refused.map(closed))
  t.notOk(kept.some((socket) => socket.closed))
})

t.test('without the guard one frame ends the process', async (t) => {
  await timings['with the request'](await rawSocket(t, stock.ws), malformed['not masked'])
  t.match(await stock.ended, /RangeError/)
})

async function opened(t: Test, { ws }: Victim, start: string): Promise<Socket> {
  const socket = await rawSocket(t, ws)
  socket.write(start)
  return socket
}

const part = Buffer.alloc(32 * MiB)

/** What eight strangers make a node hold, each with 32 MB of a frame that announces 60 MB. */
async function growth(t: Test, { ws, memory }: Victim): Promise<number> {
  const before = await memory()
  await Promise.all(Array.from({ length: 8 }, () => neverEnding(t, ws)))
  return (await memory()) - before
}

async function neverEnding(t: Test, ws: Multiaddr): Promise<void> {
  const socket = await rawSocket(t, ws)
  await upgraded(socket)
  socket.write(bytes(0x82, 0xff, 0, 0, 0, 0, 3, 0x93, 0x87, 0, 0, 0, 0, 0))
  await new Promise<void>((resolve) => socket.write(part, () => resolve()))
}

async function upgraded(socket: Socket): Promise<string> {
  socket.write(upgrade)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return answer.toString('latin1')
}

async function honestDial(t: Test, address: Multiaddr): Promise<void> {
  const { libp2p } = await host(t)
  t.equal((await libp2p.dial(address)).status, 'open', 'an honest peer connects')
}

function bytes(...values: number[]): Buffer {
  return Buffer.from(values)
}
