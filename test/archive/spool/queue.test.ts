import t from 'tap'
import { maxSpoolMessages, openSpool, type SpoolLimits, type SpoolQueue } from '../../../src/archive/spool/queue.ts'
import { envelopes, hashes } from '../kit.ts'

const roomy: SpoolLimits = { messages: maxSpoolMessages, bytes: 1024 ** 3 }

/** All that waits, taken out portion by portion. */
async function drained(queue: SpoolQueue): Promise<string[]> {
  const found: string[] = []
  for (;;) {
    const { envelopes: waiting, keys } = await queue.peek()
    if (keys.length === 0) return found
    found.push(...hashes(waiting))
    await queue.remove(keys)
  }
}

t.test('messages come out in the order in which they went in, as they were', async (t) => {
  const queue = await openSpool(t.testdir(), roomy)
  t.teardown(() => queue.close())
  const stored = envelopes(1200)
  await Promise.all([queue.append(stored.slice(0, 700)), queue.append(stored.slice(700))])
  t.equal(queue.messages, 1200)
  const { envelopes: first } = await queue.peek()
  t.same(Buffer.from(first[0]!.bytes), Buffer.from(stored[0]!.bytes))
  t.equal(first[0]!.pubsubTopic, stored[0]!.pubsubTopic)
  t.same(await drained(queue), hashes(stored))
  t.equal(queue.messages, 0)
  t.equal(queue.bytes, 0)
})

t.test('what waits is there when the spool is opened again, and counted', async (t) => {
  const folder = t.testdir()
  const stored = envelopes(10)
  const before = await openSpool(folder, roomy)
  await before.append(stored)
  const { bytes } = before
  await before.close()
  const after = await openSpool(folder, roomy)
  t.teardown(() => after.close())
  t.equal(after.messages, 10)
  t.equal(after.bytes, bytes)
  await after.append(envelopes(1))
  t.same((await drained(after)).slice(0, 10), hashes(stored))
})

t.test('a spool takes no more than its bounds, by messages and by bytes', async (t) => {
  for (const limits of [
    { ...roomy, messages: 3 },
    { ...roomy, bytes: 100 },
  ]) {
    const queue = await openSpool(t.testdir(), limits)
    const stored = envelopes(3)
    await queue.append(stored)
    t.ok(queue.isFull)
    await t.rejects(queue.append(envelopes(1)), { code: 'archive/spool-full' })
    t.same(await drained(queue), hashes(stored), 'what it has, it keeps')
    await queue.append(envelopes(1))
    await queue.close()
  }
})

t.test('a folder that cannot be used is named', async (t) => {
  const folder = t.testdir({ spool: 'a file' })
  await t.rejects(openSpool(`${folder}/spool`, roomy), { code: 'archive/unwritable' })
})
