import t from 'tap'
import { ProtobufWriter } from '../../src/core/protobuf.ts'
import { isAnswerTo, newRequestId, requestIdOf } from '../../src/protocols/request-id.ts'

function request(id: string): Uint8Array {
  return new ProtobufWriter().bool(2, true).string(1, id).string(10, '/waku/2/rs/0/0').finish()
}

t.test('the id of a request is read wherever it stands', async (t) => {
  t.equal(requestIdOf(request('abc')), 'abc')
})

t.test('the id of a damaged request is read when it stands before the damage', async (t) => {
  t.equal(requestIdOf(request('abc').subarray(0, -1)), 'abc')
  t.equal(requestIdOf(Buffer.concat([Buffer.from([0x0f]), request('abc')])), 'N/A')
})

t.test('a missing, empty, unreadable or overlong id is N/A', async (t) => {
  t.equal(requestIdOf(undefined), 'N/A')
  t.equal(requestIdOf(new Uint8Array(0)), 'N/A')
  t.equal(requestIdOf(request('')), 'N/A')
  t.equal(requestIdOf(new ProtobufWriter().uint32(1, 7).finish()), 'N/A')
  t.equal(requestIdOf(request('i'.repeat(256))), 'i'.repeat(256))
  t.equal(requestIdOf(request('i'.repeat(257))), 'N/A')
})

t.test('an answer belongs to a request with its own id, an empty one or N/A', async (t) => {
  const id = newRequestId()
  t.match(id, /^[0-9a-f]{20}$/)
  t.not(newRequestId(), id)
  for (const answered of [id, '', 'N/A']) t.ok(isAnswerTo(id, answered), answered)
  t.notOk(isAnswerTo(id, `${id}0`))
})
