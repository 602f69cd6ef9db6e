import { once } from 'node:events'
import t from 'tap'
import { type DialogueLimits, serveDialogues } from '../../src/net/dialogue.ts'
import { FrameReader, frame } from '../../src/net/frames.ts'
import { Quota } from '../../src/net/quota.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { sayEagerly } from '../kit/eager.ts'
import { host } from '../kit/host.ts'

const protocol = '/waypost/test-dialogue/1.0.0'
const limits: DialogueLimits = {
  frameBytes: 1024,
  rounds: 10,
  roundTimeout: 60_000,
  timeout: 60_000,
  inboundStreams: 8,
  sessions: 8,
}

t.test('a turn that comes with the end of its stream, before anybody listens, is answered', async (t) => {
  const rate = { volume: 1000, period: 60_000 }
  const server = await host(t, {
    mount: async ({ libp2p }) => {
      const speak = async (body: Uint8Array) => ({ body: Buffer.from(`heard ${Buffer.from(body)}`), last: true })
      const parts = { libp2p, quota: new Quota({ perPeer: rate, total: rate }), metrics: createMetrics() }
      const open = () => ({ speak, [Symbol.dispose]() {} })
      await serveDialogues({ protocol, name: 'test', limits, open }, { ...parts, log: silentLog() })
    },
  })
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
