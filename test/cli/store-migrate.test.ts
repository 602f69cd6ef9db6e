/** waypost store migrate: what would be done with an archive of an earlier release is told, and done. */
import path from 'node:path'
import t, { type Test } from 'tap'
import { encodeSchema, schemaVersion } from '../../src/archive/level/schema.ts'
import { archiveOn, envelopes, store } from '../archive/kit.ts'
import { edit } from '../archive/level/kit.ts'
import { openLevel as openSchemaOne } from '../archive/schema-1/level.ts'
import { waypost } from '../kit/cli.ts'
import { closedFolder, json } from './store-kit.ts'

/** The data folder of a node of schema 1. */
async function old(t: Test): Promise<string> {
  const folder = path.join(t.testdir(), 'data')
  const archive = await archiveOn(t, await openSchemaOne({ folder: path.join(folder, 'archive') }))
  await store(archive, envelopes(50))
  await archive[Symbol.asyncDispose]()
  return folder
}

t.test('a dry run tells schema, messages and room, and changes nothing', async (t) => {
  const folder = await old(t)
  for (let run = 0; run < 2; run++) {
    const out = await waypost(t, ['store', 'migrate', '--dry-run', '--data-dir', folder])
    t.match(out, { code: 0, stderr: '', stdout: /schema 1, to be brought to 2: 50 messages/ })
    t.match(out.stdout, /takes about .*, .* are free: enough/)
  }
  const told = json(await waypost(t, ['store', 'migrate', '--dry-run', '--json', '--data-dir', folder]))
  t.match(told, { from: 1, to: schemaVersion, messages: 50, bytes: Number, freeBytes: Number, hasRoom: true })
})

t.test('an archive of schema 1 is brought to the present one, once', async (t) => {
  const folder = await old(t)
  const out = await waypost(t, ['store', 'migrate', '--data-dir', folder])
  t.match(out, { code: 0, stderr: '', stdout: /brought from schema 1 to 2: 50 messages$/m })
  const again = await waypost(t, ['store', 'migrate', '--data-dir', folder])
  t.match(again, { code: 0, stdout: /schema 2, the present one: nothing to do/ })
  t.match(await waypost(t, ['store', 'verify', '--data-dir', folder]), {
    code: 0,
    stdout: /50 messages in 1 partitions: all is as it was stored/,
  })
})

t.test('records that cannot be read are told, and the exit code says so', async (t) => {
  const folder = await old(t)
  await edit(path.join(folder, 'archive'), async (database) => {
    const [key] = await database.keys({ gte: Buffer.of(1), lt: Buffer.of(2), limit: 1 }).all()
    await database.put(key!, Buffer.from('nothing'))
  })
  const out = await waypost(t, ['store', 'migrate', '--json', '--data-dir', folder])
  t.equal(out.code, 1)
  t.match(json(out), { done: { messages: 49, unreadable: 1 } })
})

t.test('an archive of a later release is refused', async (t) => {
  t.testdir()
  const folder = await closedFolder(t, envelopes(5))
  const later = encodeSchema(schemaVersion + 1)
  await edit(path.join(folder, 'archive/catalog'), (catalog) => catalog.put(Buffer.of(0), later))
  for (const flags of [[], ['--dry-run']])
    t.match(await waypost(t, ['store', 'migrate', ...flags, '--data-dir', folder]), {
      code: 78,
      stderr: /schema 3/,
    })
})
