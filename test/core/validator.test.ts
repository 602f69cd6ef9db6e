import t from 'tap'
import type { Envelope } from '../../src/core/envelope.ts'
import { accept, ignore, judge, judgeSize, reject, type Validator, validateMeta } from '../../src/core/validator.ts'
import { envelope } from '../kit/messages.ts'

const accepting: Validator = () => accept
const rejecting: Validator = () => reject('no')
const later: Validator = async () => accept

/** A validator that remembers whether it was asked. */
function asked(): Validator & { count: number } {
  const validator = (_: Envelope) => {
    validator.count += 1
    return accept
  }
  validator.count = 0
  return validator
}

t.test('what every validator accepts is accepted, at once', async (t) => {
  t.same(judge([accepting, accepting], envelope()), accept)
  t.same(judge([], envelope()), accept)
})

t.test('the first verdict that does not accept decides, and nobody is asked after it', async (t) => {
  const never = asked()
  t.same(judge([accepting, rejecting, never], envelope()), reject('no'))
  t.equal(never.count, 0)
  t.same(judge([() => ignore('not ours'), rejecting], envelope()), ignore('not ours'))
})

t.test('after a validator that waits the rest is asked as before', async (t) => {
  const after = asked()
  const verdict = judge([later, after, later, rejecting], envelope())
  t.equal(after.count, 0, 'not before the one that waits')
  t.same(await verdict, reject('no'))
  t.equal(after.count, 1)
  t.same(await judge([later, later], envelope()), accept)
  t.same(await judge([async () => reject('late'), after], envelope()), reject('late'))
  t.equal(after.count, 1)
})

t.test('meta of 64 bytes passes, of 65 is rejected', async (t) => {
  t.same(validateMeta(envelope({ meta: Buffer.alloc(64) })), accept)
  t.same(validateMeta(envelope({ meta: undefined })), accept)
  t.match(await validateMeta(envelope({ meta: Buffer.alloc(65) })), { result: 'reject', reason: /65 bytes.*64/ })
})

t.test('a message at the limit passes, a byte more is rejected in words that clients know', async (t) => {
  t.same(judgeSize(153_600, 153_600), accept)
  t.same(judgeSize(153_601, 153_600), reject('Message size exceeded maximum of 153600 bytes'))
})
