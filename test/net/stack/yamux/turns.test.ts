/** Streams of one session share its connection: one that says much keeps no other waiting until it has said it all. */
import { once } from 'node:events'
import type { Stream } from '@libp2p/interface'
import t from 'tap'
import { hostLimits, KiB, MiB } from '../../../../src/net/limits.ts'
import { YamuxSession } from '../../../../src/net/stack/yamux/session.ts'
import { asConnection, wire } from '../../../kit/wire.ts'

const limits = { ...hostLimits(150 * KiB), streamWriteBytes: 64 * MiB }
const bulkBytes = 16 * MiB

/** Says much, and ends its stream. */
type Say = (stream: Stream) => void

/** All of it at once, or as much as there is room for whenever there is said to be some. */
const bulks: readonly { readonly id: string; readonly say: Say }[] = [
  {
    id: 'what was given at once',
    say(stream) {
      stream.send(Buffer.alloc(bulkBytes))
      stream.close().catch(() => {})
    },
  },
  {
    id: 'what is given as it drains',
    say(stream) {
      let left = bulkBytes / (32 * KiB)
      const go = (): void => {
        for (let more = true; more && left > 0; left -= 1) more = stream.send(Buffer.alloc(32 * KiB))
        if (left === 0) stream.close().catch(() => {})
      }
      stream.addEventListener('drain', go)
      go()
    },
  },
]

/** Two sessions over a wire that takes 100 KiB, and what each stream of the second hears. */
function sessions(): { ours: YamuxSession; heard: Map<string, number>; ended: (id: string) => Promise<unknown> } {
  const [one, other] = wire({ capacity: 100 * KiB, cut: () => 64 * KiB })
  const refused = (why: string): never => {
    throw new Error(`an honest peer was refused: ${why}`)
  }
  const ours = new YamuxSession(asConnection(one), { limits, refused })
  const theirs = new YamuxSession(asConnection(other), { limits, refused })
  const heard = new Map<string, number>()
  const events = new EventTarget()
  theirs.addEventListener('stream', ({ detail: stream }) => {
    heard.set(stream.id, 0)
    stream.protocol = '/test/1.0.0'
    stream.addEventListener('message', ({ data }) =>
      heard.set(stream.id, (heard.get(stream.id) ?? 0) + data.byteLength),
    )
    stream.addEventListener('end', () => events.dispatchEvent(new Event(stream.id)))
  })
  return { ours, heard, ended: (id) => once(events, id) }
}

for (const { id, say } of bulks) {
  t.test(`a stream with little to say is heard beside one with much: ${id}`, async (t) => {
    const { ours, heard, ended } = sessions()
    const [bulk, small] = [await ours.createStream(), await ours.createStream()]
    const over = ended(small.id)
    say(bulk)
    for (let round = 0; round < 10; round += 1) {
      await small.onDrain()
      small.send(Buffer.alloc(100))
    }
    await small.close()
    await over
    t.equal(heard.get(small.id), 1000)
    const beside = heard.get(bulk.id) ?? 0
    t.ok(beside > 0 && beside < bulkBytes / 2, `beside ${beside} bytes`)
  })

  t.test(`a stream with nothing to say ends beside one with much: ${id}`, async (t) => {
    const { ours, heard, ended } = sessions()
    const [bulk, silent] = [await ours.createStream(), await ours.createStream()]
    const over = ended(silent.id)
    say(bulk)
    t.ok(bulk.writableNeedsDrain)
    await silent.close()
    await over
    const beside = heard.get(bulk.id) ?? 0
    t.ok(beside < bulkBytes / 2, `beside ${beside} bytes`)
  })

  t.test(`all of it is heard, and the end behind it: ${id}`, async (t) => {
    const { ours, heard, ended } = sessions()
    const bulk = await ours.createStream()
    const over = ended(bulk.id)
    say(bulk)
    await over
    t.equal(heard.get(bulk.id), bulkBytes)
  })
}
