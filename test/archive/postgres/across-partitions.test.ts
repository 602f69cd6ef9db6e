/** Partitions so short that the messages of a test lie in many of them. */
import t from 'tap'
import { defaultSpans, type Spans } from '../../../src/archive/postgres/partitions.ts'
import { postgres } from '../../kit/postgres.ts'
import { needs } from '../../kit/tools.ts'
import { conformance, type Open } from '../conformance.ts'
import { properties } from '../property.ts'
import { openOn } from './kit.ts'

const short = { ...defaultSpans, near: 2n, far: 4n, line: { from: -4n, to: 120n } }

const program = needs(t, 'postgres')
if (program !== undefined) {
  const server = await postgres(t, program)
  const open =
    (spans: Spans): Open =>
    (_, clock) =>
      openOn(server, { clock, spans })
  conformance(t, open({ ...short, far: 64n }))
  properties(t, open(short), 4)
}
