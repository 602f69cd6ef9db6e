import fc from 'fast-check'
import t from 'tap'
import { ReadBuffer } from '../../../../src/net/stack/yamux/read-buffer.ts'
import { holds } from '../../../kit/property.ts'

t.test('what was put in comes out, in order', async (t) => {
  const step = fc.record({
    what: fc.constantFrom('append', 'prepend', 'take'),
    length: fc.integer({ min: 1, max: 3000 }),
  })
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const buffer = new ReadBuffer()
    let model = Buffer.alloc(0)
    for (const [index, { what, length }] of steps.entries()) {
      const bytes = Buffer.alloc(length, index)
      if (what === 'append') model = Buffer.concat([model, bytes])
      if (what === 'prepend') model = Buffer.concat([bytes, model])
      if (what !== 'take') buffer[what](bytes)
      else {
        const taken = buffer.take() ?? Buffer.alloc(0)
        if (!model.subarray(0, taken.length).equals(taken)) return false
        model = model.subarray(taken.length)
      }
      if (buffer.byteLength !== model.length) return false
    }
    return everything(buffer).equals(model) && buffer.take() === undefined
  })
  holds(t, property, { numRuns: 300 })
})

t.test('a byte that waits does not keep the record that it came in', async (t) => {
  const buffer = new ReadBuffer()
  const record = Buffer.alloc(65_536)
  for (let index = 0; index < 10_000; index += 1) buffer.append(record.subarray(index, index + 1))
  const kept = new Set<ArrayBufferLike>()
  for (let block = buffer.take(); block !== undefined; block = buffer.take()) kept.add(block.buffer)
  const bytes = [...kept].reduce((sum, { byteLength }) => sum + byteLength, 0)
  t.notOk(kept.has(record.buffer))
  t.ok(bytes < 2 * 10_000 + 1024, `${bytes} bytes for 10,000`)
  t.ok(kept.size < 10, `in ${kept.size} blocks`)
})

t.test('a buffer that was emptied begins anew', async (t) => {
  const buffer = new ReadBuffer()
  buffer.append(Buffer.alloc(5000, 1))
  buffer.clear()
  t.equal(buffer.byteLength, 0)
  t.equal(buffer.take(), undefined)
  buffer.append(Buffer.from('next'))
  t.equal(everything(buffer).toString(), 'next')
})

function everything(buffer: ReadBuffer): Buffer {
  const blocks: Uint8Array[] = []
  for (let block = buffer.take(); block !== undefined; block = buffer.take()) blocks.push(block)
  return Buffer.concat(blocks)
}
