import t from 'tap'
import {
  bytes,
  compact,
  counted,
  delay,
  duration,
  idEnds,
  rate,
  retention,
  whole,
} from '../../../src/rest/page/format.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

t.test('sizes are told in units that a person can compare', async (t) => {
  for (const [value, text] of [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 3 * 3.24, '3.2 GiB'],
    [1024 ** 4 * 5000, '5000 TiB'],
    [Number.NaN, '–'],
  ] as const)
    t.equal(bytes(value), text)
})

t.test('a duration is told in its two largest units', async (t) => {
  for (const [value, text] of [
    [0, '0 s'],
    [-5, '0 s'],
    [8 * second, '8 s'],
    [2 * minute + 5 * second, '2 min 5 s'],
    [day, '1 day'],
    [3 * day + 4 * hour + 59 * minute, '3 days 4 h'],
    [3 * day + 59 * minute, '3 days'],
  ] as const)
    t.equal(duration(value), text)
})

t.test('rates and waits have the digits that matter', async (t) => {
  t.same([0, 0.001, 0.254, 3.21, 12.7, 1234.5].map(rate), ['0', '< 0.01', '0.25', '3.2', '13', '1,235'])
  t.same([0, 12.4, 1500].map(delay), ['0 ms', '12 ms', '1.5 s'])
  t.same([0.5, 1500, 2_000_000].map(compact), ['0.5', '1.5K', '2M'])
  t.equal(whole(4215234), '4,215,234')
})

t.test('one is one, others are many', async (t) => {
  t.same([counted(1, 'peer'), counted(0, 'peer'), counted(2, 'key', 'keys')], ['1 peer', '0 peers', '2 keys'])
})

t.test('a retention policy is told in words', async (t) => {
  for (const [policy, words] of [
    ['time:2d', '2 days'],
    ['time:1h', '1 hour'],
    ['capacity:1', 'the last 1 message'],
    ['time:30d,size:25GB', '30 days, or 25GB'],
    ['none', 'everything'],
  ] as const)
    t.equal(retention(policy), words)
})

t.test('of a long id both ends are shown', async (t) => {
  t.equal(idEnds('16Uiu2HAmPv7K6aLsGJtKFvuqvXzxJFhQWJpTrT2dLp4vPzYx9abc'), '16Uiu2HAmP…Yx9abc')
  t.equal(idEnds('short'), 'short')
})
