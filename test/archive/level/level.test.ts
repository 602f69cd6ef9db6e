import t from 'tap'
import { openLevel } from '../../../src/archive/level/level.ts'
import { conformance } from '../conformance.ts'
import { smallPartitions } from './kit.ts'

t.test('in few partitions', async (t) => {
  const limits = { ...smallPartitions, messages: 30 }
  conformance(t, async (t, clock) => openLevel({ folder: t.testdir(), clock, limits }), limits.messages)
})

t.test('in many partitions', async (t) => {
  const limits = smallPartitions
  conformance(t, async (t, clock) => openLevel({ folder: t.testdir(), clock, limits }), limits.messages)
})
