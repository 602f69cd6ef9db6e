/** One server for all tests of this file, and for each archive a schema of its own. */
import t from 'tap'
import { needs } from '../../kit/tools.ts'
import { conformance } from '../conformance.ts'
import { properties } from '../property.ts'
import { archivesOf } from './kit.ts'

const program = needs(t, 'postgres')
if (program !== undefined) {
  const open = await archivesOf(t, program)
  conformance(t, open)
  properties(t, open, 5)
}
