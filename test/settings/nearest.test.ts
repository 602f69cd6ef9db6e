import fc from 'fast-check'
import t from 'tap'
import { distance, nearest } from '../../src/settings/nearest.ts'

t.test('slips of the finger are counted: put in, left out, changed, swapped', async (t) => {
  t.equal(distance('store', 'store'), 0)
  t.equal(distance('stoer', 'store'), 1)
  t.equal(distance('stor', 'store'), 1)
  t.equal(distance('sttore', 'store'), 1)
  t.equal(distance('stobe', 'store'), 1)
  t.equal(distance('', 'store'), 5)
})

t.test('the nearest word is found, and none when all are far', async (t) => {
  const words = ['relay', 'rest', 'rest-port', 'tcp-port']
  t.equal(nearest('rest-prot', words), 'rest-port')
  t.equal(nearest('tcpport', words), 'tcp-port')
  t.equal(nearest('rst', words), 'rest')
  t.equal(nearest('metrics', words), undefined)
})

t.test('a distance is the same from both sides, and never longer than the longer word', async (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (from, to) => {
      const slips = distance(from, to)
      return (
        slips === distance(to, from) && slips <= Math.max(from.length, to.length) && (slips === 0) === (from === to)
      )
    }),
  )
  t.pass()
})
