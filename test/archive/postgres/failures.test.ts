import t from 'tap'
import { isNoPartition, isRefusal, isReplicaTrouble, sqlState, told } from '../../../src/archive/postgres/failures.ts'

function failure(code: string): Error {
  return Object.assign(new Error('of the database'), { code })
}

t.test('only what the database holds against the data is refused for good', async (t) => {
  for (const code of ['22P02', '22003', '23502', '23505']) t.ok(isRefusal(failure(code)), code)
  for (const code of [
    '08006',
    '25006',
    '28P01',
    '3D000',
    '40P01',
    '42P01',
    '53100',
    '53300',
    '57014',
    '57P01',
    '58030',
  ])
    t.notOk(isRefusal(failure(code)), code)
  for (const code of ['ECONNREFUSED', 'ETIMEDOUT']) t.notOk(isRefusal(failure(code)), code)
  t.notOk(isRefusal(new Error('Connection terminated unexpectedly')))
})

t.test('a row without a partition is no refusal: the partition can be made', async (t) => {
  t.ok(isNoPartition(failure('23514')))
  t.notOk(isRefusal(failure('23514')))
  t.notOk(isNoPartition(failure('23505')))
})

t.test('the primary helps a replica out, but not with what is wrong or slow by itself', async (t) => {
  for (const code of ['40001', '42P01', '57P01', '57P03', '08006', 'ECONNREFUSED'])
    t.ok(isReplicaTrouble(failure(code)), code)
  for (const code of ['57014', '22P02']) t.notOk(isReplicaTrouble(failure(code)), code)
})

t.test('a system error is no SQLSTATE', async (t) => {
  t.equal(sqlState(failure('ECONNREFUSED')), undefined)
  t.equal(sqlState(failure('57014')), '57014')
  t.equal(sqlState('57014'), undefined)
  t.equal(sqlState(failure('EPIPE')), undefined)
})

t.test('a host with several addresses that all refuse says why', async (t) => {
  const refused = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('127.0.0.1:1')])
  t.match(told(refused), { message: 'connect ECONNREFUSED ::1:1' })
  const plain = new Error('plain')
  t.equal(told(plain), plain)
})
