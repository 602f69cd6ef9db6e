import t from 'tap'
import { openMemory } from '../../src/archive/memory.ts'
import { conformance } from './conformance.ts'

conformance(t, async (_, clock) => openMemory({ clock }))
