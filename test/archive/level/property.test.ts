import t from 'tap'
import { openLevel } from '../../../src/archive/level/level.ts'
import { properties } from '../property.ts'
import { smallPartitions } from './kit.ts'

/** Partitions so small that a few messages lie in several. */
const limits = { ...smallPartitions, messages: 8, span: 3n }

properties(t, async (t, clock) => openLevel({ folder: t.testdir(), clock, limits }), 25)
