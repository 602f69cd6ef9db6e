import t from 'tap'
import { hostLimits, KiB, MiB, muxerBytes, worstCaseMemory } from '../../src/net/limits.ts'

const GiB = 1024 * MiB

t.test('what messages pass through derives from their size', async (t) => {
  t.match(hostLimits(150 * KiB), { pendingBytes: MiB, streamReadBytes: MiB })
  t.match(hostLimits(MiB), { pendingBytes: MiB + 64 * KiB, streamReadBytes: 2 * MiB + 64 * KiB })
})

t.test('the worst case is the sum of what each limit allows', async (t) => {
  const limits = {
    ...hostLimits(150 * KiB),
    connections: 10,
    pendingConnections: 5,
    pendingBytes: 100,
    bufferedBytes: 1000,
  }
  t.equal(worstCaseMemory(limits), 10 * (100 + 64 * KiB + muxerBytes(limits) + MiB) + 5 * 100 + 1000)
})

t.test('the defaults fit a machine of 2 GiB', async (t) => {
  t.ok(worstCaseMemory(hostLimits(150 * KiB)) < 2 * GiB)
})
