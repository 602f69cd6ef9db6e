import path from 'node:path'
import t from 'tap'
import { Readers } from '../../../src/messaging/storage/readers.ts'
import { slotOf } from '../../../src/messaging/storage/ring.ts'
import { RingFile } from '../../../src/messaging/storage/ring-file.ts'
import { RowFiles } from '../../../src/messaging/storage/row-files.ts'
import { StorageKeys } from '../../../src/messaging/storage/sealing.ts'
import { Secrets } from '../../../src/messaging/storage/secrets.ts'
import { bytes, databaseKey, text } from './kit.ts'

t.test('what was read before a turn opens until all who read have ended', async (t) => {
  const folder = path.join(t.testdir(), 'messages')
  const rows = await RowFiles.open(folder, false)
  const secrets = await Secrets.open(new RingFile(folder, new StorageKeys(databaseKey)), rows, undefined)
  const read = secrets.seal('secret/1', bytes('value'))
  await rows.write([{ key: 'secret/1', value: read }])
  secrets.committed({ key: 'secret/1', value: read })
  const readers = new Readers()
  const reader = Promise.withResolvers<void>()
  const reading = readers.during(() => reader.promise)
  const rewritten = Promise.withResolvers<void>()
  const turning = secrets.turn(new Set([slotOf('secret/1')]), () => {
    rewritten.resolve()
    return readers.end()
  })
  await rewritten.promise
  t.not(Buffer.compare((await rows.get('secret/1'))!, read), 0, 'the row is written anew')
  t.equal(text(secrets.open('secret/1', read)), 'value')
  reader.resolve()
  await Promise.all([reading, turning])
  t.equal(secrets.open('secret/1', read), undefined)
  t.equal(text(secrets.open('secret/1', (await rows.get('secret/1'))!)), 'value')
  await rows.close()
})

t.test('who begins to read later is not waited for, and one that fails has ended', async (t) => {
  const readers = new Readers()
  const failing = readers.during(() => Promise.reject(new Error('on purpose')))
  const ended = readers.end()
  const endless = readers.during(() => new Promise<never>(() => {}))
  await t.rejects(failing, { message: 'on purpose' })
  await ended
  t.ok(endless, 'still reads')
})
