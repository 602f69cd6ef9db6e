import t from 'tap'
import { openLevel } from '../../../src/archive/level/level.ts'
import { properties } from '../property.ts'

properties(t, async (t, clock) => openLevel({ folder: t.testdir(), clock }), 25)
