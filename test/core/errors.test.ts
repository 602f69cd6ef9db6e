import t from 'tap'
import { isWaypostError, messageOf, systemCode, WaypostError, wireStatus } from '../../src/core/errors.ts'

t.test('an error says in words what its fields hold, and keeps them and its cause', async (t) => {
  const cause = new Error('below')
  const error = new WaypostError('wire/too-large', { length: 10, limit: 5 }, { cause })
  t.equal(error.message, 'frame of 10 bytes is above the limit of 5')
  t.match(error, { name: 'WaypostError', code: 'wire/too-large', data: { length: 10, limit: 5 }, cause })
})

t.test('a field that looks like the name of another stays as it is', async (t) => {
  const error = new WaypostError('topic/bad-content-topic', { topic: '{why}$&', why: 'x' })
  t.equal(error.message, 'content topic {why}$& is not valid: x')
})

t.test('an error is told from others by its code', async (t) => {
  const error = new WaypostError('wire/closed-early', { received: 1 })
  t.ok(isWaypostError(error))
  t.ok(isWaypostError(error, 'wire/closed-early'))
  t.notOk(isWaypostError(error, 'wire/too-large'))
  t.notOk(isWaypostError(new Error('other')))
})

t.test('a peer is told the status of the row, or 500', async (t) => {
  t.equal(wireStatus(new WaypostError('wire/too-large', { length: 10, limit: 5 })), 413)
  t.equal(wireStatus(new WaypostError('wire/closed-early', { received: 1 })), 500)
})

t.test('whatever was thrown has a line for a person', async (t) => {
  t.equal(messageOf(new Error('text')), 'text')
  t.equal(messageOf('text'), 'text')
  t.equal(messageOf(undefined), 'undefined')
  t.equal(systemCode(Object.assign(new Error('long'), { code: 'EACCES' })), 'EACCES')
  t.equal(systemCode(new Error('long')), 'long')
})
