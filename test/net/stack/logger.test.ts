import t from 'tap'
import { libp2pLogger } from '../../../src/net/stack/logger.ts'
import { createLog, type LogOptions } from '../../../src/telemetry/log.ts'

function logged(level: LogOptions['level']): string[] {
  const lines: string[] = []
  const log = createLog({ level, format: 'json', destination: { write: (line) => void lines.push(line) } })
  libp2pLogger(log).forComponent('libp2p:dialer').trace('dial %p at %a, %d tries', 'PEER', '/ip4/127.0.0.1', 3)
  return lines
}

t.test("libp2p's lines carry what they tell of, in their place", async (t) => {
  const [line = '{}'] = logged('trace')
  t.match(JSON.parse(line), { component: 'libp2p:dialer', msg: 'dial PEER at /ip4/127.0.0.1, 3 tries' })
})

t.test("libp2p's lines are left out above trace", async (t) => {
  t.same(logged('debug'), [])
})
