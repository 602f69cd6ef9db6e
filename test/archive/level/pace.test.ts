import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { Pace } from '../../../src/archive/level/pace.ts'

/** True if a pause ends before others have had two turns: it is none. */
async function isShort(pause: Promise<unknown>): Promise<boolean> {
  const turns = (async () => {
    for (let turn = 0; turn < 2; turn += 1) await setImmediate()
    return false
  })()
  return await Promise.race([pause.then(() => true), turns])
}

t.test('work pauses as long as nobody waits for it, and hardly as soon as somebody does', async (t) => {
  const pace = new Pace(1_000_000)
  t.notOk(await isShort(pace.pause()))
  const { promise, resolve } = Promise.withResolvers<string>()
  const hurried = pace.hurry(promise)
  t.ok(await isShort(pace.pause()))
  resolve('done')
  t.equal(await hurried, 'done')
  t.notOk(await isShort(pace.pause()))
})

t.test('it pauses again when what was waited for has failed', async (t) => {
  const pace = new Pace(1_000_000)
  await t.rejects(pace.hurry(Promise.reject(new Error('no'))), { message: 'no' })
  t.notOk(await isShort(pace.pause()))
})
