import { once } from 'node:events'
import t from 'tap'
import { type DialogueLimits, openDialogue, serveDialogues } from '../../src/net/dialogue.ts'
import { FrameReader, frame } from '../../src/net/frames.ts'
import type { Host } from '../../src/net/host.ts'
import { Quota } from '../../src/net/quota.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { sayEagerly } from '../kit/eager.ts'
import { host } from '../kit/host.ts'
import { type Late, late } from '../kit/late.ts'

const protocol = '/waypost/test-dialogue/1.0.0'
const limits: DialogueLimits = {
  frameBytes: 1024,
  rounds: 10,
  roundTimeout: 60_000,
  timeout: 60_000,
  inboundStreams: 8,
  sessions: 8,
}

type Mounted = Pick<Host['libp2p'], 'handle' | 'unhandle'>

/** Serves a dialogue of one turn. */
async function serve(libp2p: Mounted, changed: Partial<DialogueLimits> = {}): Promise<void> {
  const rate = { volume: 1000, period: 60_000 }
  const speak = async (body: Uint8Array) => ({ body: Buffer.from(`heard ${Buffer.from(body)}`), last: true })
  const parts = { libp2p, quota: new Quota({ perPeer: rate, total: rate }), metrics: createMetrics() }
  const open = () => ({ speak, [Symbol.dispose]() {} })
  const service = { protocol, name: 'test', limits: { ...limits, ...changed }, open }
  await serveDialogues(service, { ...parts, log: silentLog() })
}

t.test('a turn that comes with the end of its stream, before anybody listens, is answered', async (t) => {
  const server = await host(t, { mount: ({ libp2p }) => serve(libp2p) })
  const [address] = server.addresses()
  if (address === undefined) throw new Error('it does not listen')
  const stream = await sayEagerly(t, address, protocol, frame(Buffer.from('hello')))
  const reader = new FrameReader(1024)
  const heard: string[] = []
  stream.addEventListener('message', ({ data }) => {
    for (const body of reader.push(data)) heard.push(Buffer.from(body).toString())
  })
  if (!stream.readableEnded) await once(stream, 'end')
  t.same(heard, ['/multistream/1.0.0\n', `${protocol}\n`, 'heard hello'])
})

t.test('a stream that ended before anybody looked at it takes no place', async (t) => {
  let mounted: Late | undefined
  const server = await host(t, {
    async mount({ libp2p }) {
      mounted = late(libp2p)
      await serve(mounted, { sessions: 1 })
    },
  })
  const client = await host(t)
  const gone = await client.libp2p.dialProtocol(server.addresses(), protocol)
  gone.abort(new Error('never mind'))
  await mounted?.handled
  const heard: string[] = []
  const speak = async (body: Uint8Array) => {
    heard.push(Buffer.from(body).toString())
    return undefined
  }
  await client.libp2p.dial(server.addresses())
  await openDialogue(client.libp2p, server.libp2p.peerId, protocol, Buffer.from('hello'), speak, limits)
  t.same(heard, ['heard hello'])
})
