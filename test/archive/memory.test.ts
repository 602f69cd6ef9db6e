import t from 'tap'
import { openMemory } from '../../src/archive/memory.ts'
import { conformance, type Open } from './conformance.ts'
import { properties } from './property.ts'

const open: Open = async (_, clock) => openMemory({ clock })

conformance(t, open)
properties(t, open, 60)
