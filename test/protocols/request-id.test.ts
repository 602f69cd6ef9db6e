import t from 'tap'
import { ProtobufWriter } from '../../src/core/protobuf.ts'
import { answersRequest, newRequestId, requestIdOf } from '../../src/protocols/request-id.ts'

t.test('the id of a request is read also when what follows it is broken', async (t) => {
  const whole = new ProtobufWriter().string(1, 'id-7').string(20, 'topic').finish()
  t.equal(requestIdOf(whole), 'id-7')
  t.equal(requestIdOf(whole.subarray(0, whole.length - 3)), 'id-7')
})

t.test('an id behind other fields is found', async (t) => {
  t.equal(requestIdOf(new ProtobufWriter().uint32(3, 9).string(1, 'late').finish()), 'late')
})

t.test('an id that cannot be read is N/A', async (t) => {
  t.equal(requestIdOf(undefined), 'N/A')
  t.equal(requestIdOf(new Uint8Array()), 'N/A')
  t.equal(requestIdOf(Buffer.from('ffffffff', 'hex')), 'N/A')
  t.equal(requestIdOf(new ProtobufWriter().uint32(1, 5).finish()), 'N/A')
})

t.test('an id that is empty or overlong is N/A', async (t) => {
  const request = (id: string): Uint8Array => new ProtobufWriter().string(1, id).finish()
  t.equal(requestIdOf(request('')), 'N/A')
  t.equal(requestIdOf(request('i'.repeat(256))), 'i'.repeat(256))
  t.equal(requestIdOf(request('i'.repeat(257))), 'N/A')
})

t.test('our ids are 20 hexadecimal digits and differ', async (t) => {
  t.match(newRequestId(), /^[0-9a-f]{20}$/)
  t.not(newRequestId(), newRequestId())
})

t.test('an answer matches by its id, or by one of the words for an id not read', async (t) => {
  for (const answered of ['mine', 'N/A', '']) t.equal(answersRequest(answered, 'mine'), true)
  t.equal(answersRequest('other', 'mine'), false)
})
