/** waypost store verify: a closed archive is looked through, and what is wrong is told. */
import path from 'node:path'
import t from 'tap'
import { numberKey } from '../../src/archive/level/layout.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import { envelopes } from '../archive/kit.ts'
import { edit, firstPartition } from '../archive/level/kit.ts'
import { waypost } from '../kit/cli.ts'
import { closedFolder, json } from './store-kit.ts'

t.test('an archive that is whole is said to be', async (t) => {
  t.testdir()
  const folder = await closedFolder(t, envelopes(50))
  const out = await waypost(t, ['store', 'verify', '--data-dir', folder])
  t.match(out, { code: 0, stderr: '' })
  t.match(out.stdout, /50 messages in 1 partitions: all is as it was stored/)
})

t.test('what is damaged or lost is told, with times, and the exit code says so', async (t) => {
  t.testdir()
  const folder = await closedFolder(t, envelopes(50))
  await edit(firstPartition(path.join(folder, 'archive')).records, async (records) => {
    await records.put(numberKey(5), Buffer.from('nothing'))
    await records.del(numberKey(7))
  })
  const out = await waypost(t, ['store', 'verify', '--data-dir', folder])
  t.equal(out.code, 1)
  t.match(out.stdout, /48 messages in 1 partitions: not all is as it was stored/)
  t.match(out.stdout, /partition 1: messages that are not what their hash says: 1, of 1970-01-01T00:00:00.000Z/)
  const told = json(await waypost(t, ['store', 'verify', '--data-dir', folder, '--json']))
  t.match(told, { whole: false, messages: 48, partitions: [{ missing: 1, lost: { messages: 1 } }] })
})

t.test('repair brings in order what verify found, says what is lost, and a dry run only says it', async (t) => {
  t.testdir()
  const folder = await closedFolder(t, envelopes(50))
  await edit(firstPartition(path.join(folder, 'archive')).records, (records) =>
    records.put(numberKey(5), Buffer.from('nothing')),
  )
  const dry = await waypost(t, ['store', 'repair', '--dry-run', '--data-dir', folder])
  t.match(dry, { code: 0, stdout: /would be put in order: 49 messages/ })
  t.match(json(await waypost(t, ['store', 'verify', '--data-dir', folder, '--json'])), { whole: false, losses: [] })
  const out = await waypost(t, ['store', 'repair', '--data-dir', folder])
  t.match(out, { code: 0, stdout: /was put in order: 49 messages/ })
  t.match(out.stdout, /acknowledged and lost: 1, of 1970-01-01T00:00:00.000Z/)
  t.match(out.stdout, /the damaged files are in .*archive\.broken-\d+/)
  const after = await waypost(t, ['store', 'verify', '--data-dir', folder])
  t.equal(after.code, 1, 'what is lost is lost, and still told')
  t.notMatch(after.stdout, /waypost store repair/)
})

t.test('an archive that is in use, or is not there, is not made and not touched', async (t) => {
  const root = t.testdir()
  const folder = await closedFolder(t, envelopes(5))
  const backend = await openLevel({ folder: path.join(folder, 'archive') })
  t.match(await waypost(t, ['store', 'verify', '--data-dir', folder]), {
    code: 75,
    stderr: /in use by another process/,
  })
  await backend.close()
  const other = await waypost(t, ['store', 'verify', '--data-dir', path.join(root, 'other')])
  t.match(other, { code: 66, stderr: /there is no archive/ })
})
