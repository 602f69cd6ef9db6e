import fc from 'fast-check'
import t from 'tap'
import { ReceiveWindow } from '../../../../src/net/stack/yamux/receive-window.ts'
import { holds } from '../../../kit/property.ts'

const first = 262_144
const largest = 1024 * 1024

t.test('a frame of all that was granted is taken, and one of a byte more is not', async (t) => {
  t.ok(new ReceiveWindow(largest).announce(first))
  t.notOk(new ReceiveWindow(largest).announce(first + 1))
})

t.test('nothing is granted until half of the window is used, and then all that is used', async (t) => {
  const window = new ReceiveWindow(first)
  window.announce(first)
  window.take(first / 2 - 1)
  t.equal(window.grant(), 0)
  window.take(1)
  t.equal(window.grant(), first / 2)
  t.equal(window.grant(), 0)
})

t.test('what nobody has taken is not granted anew', async (t) => {
  const window = new ReceiveWindow(largest)
  window.announce(first)
  t.equal(window.grant(), 0)
  t.notOk(window.announce(1))
})

t.test('the window of a reader who takes all grows to the largest, and no further', async (t) => {
  const window = new ReceiveWindow(largest)
  t.equal(granted(window, 8 * largest).most, largest)
  const small = new ReceiveWindow(1000)
  t.equal(granted(small, 8 * largest).most, first, 'the first window is not ours to choose')
})

t.test('the window of a reader who pauses is the first again', async (t) => {
  const window = new ReceiveWindow(largest)
  const { open } = granted(window, 8 * largest)
  t.ok(open > first)
  window.pause()
  t.ok(window.announce(open), 'what was granted stays so')
  window.take(open)
  t.equal(window.grant(), 2 * first, 'it grows from there')
})

/** What the peer may send at once while and after it sends `bytes`, each taken as it comes. */
function granted(window: ReceiveWindow, bytes: number): { most: number; open: number } {
  let open = first
  let most = open
  for (let sent = 0; sent < bytes; sent += 4096) {
    if (!window.announce(4096)) throw new Error('not granted')
    window.take(4096)
    open += window.grant() - 4096
    most = Math.max(most, open)
  }
  return { most, open }
}

t.test('granted and untaken bytes are never more together than the largest window', async (t) => {
  const step = fc.record({
    what: fc.constantFrom('announce', 'take', 'putBack', 'pause', 'grant'),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const window = new ReceiveWindow(largest)
    let open = first
    let untaken = 0
    let taken = 0
    for (const { what, part } of steps) {
      if (what === 'announce') {
        const length = Math.floor(part * open)
        if (!window.announce(length) || window.announce(open - length + 1)) return false
        open -= length
        untaken += length
      } else if (what === 'take') {
        const length = Math.floor(part * untaken)
        window.take(length)
        untaken -= length
        taken = length
      } else if (what === 'putBack') {
        window.putBack(taken)
        untaken += taken
        taken = 0
      } else if (what === 'pause') window.pause()
      else {
        const more = window.grant()
        open += more
        if (more > 0 && open + untaken > largest) return false
      }
    }
    return true
  })
  holds(t, property, { numRuns: 1000 })
})
