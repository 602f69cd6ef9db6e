import t from 'tap'
import { openLevel } from '../../../src/archive/level/level.ts'
import { conformance } from '../conformance.ts'

conformance(t, async (t, clock) => openLevel({ folder: t.testdir(), clock }))
