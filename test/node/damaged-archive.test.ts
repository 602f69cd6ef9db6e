/** A node whose archive is damaged goes on without it, says how to repair it, and takes it up again when that is done. */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { envelopes } from '../archive/kit.ts'
import { filledPartition, firstPartition, flip, largeMessages } from '../archive/level/kit.ts'
import { closedFolder } from '../cli/store-kit.ts'
import { waypost } from '../kit/cli.ts'
import { daemon } from '../kit/daemon.ts'

t.test('a damaged archive degrades the store, and nothing else, until it is repaired', async (t) => {
  t.testdir()
  const folder = await closedFolder(t, envelopes(20))
  await rm(path.join(firstPartition(path.join(folder, 'archive')).index, 'CURRENT'))
  const node = await daemon(t, { dataDir: folder, flags: ['--store-message-retention-policy=none'] })
  const health = async () => JSON.stringify(await (await fetch(`${node.restUrl}/health`)).json())
  const query = () => fetch(`${node.restUrl}/store/v3/messages`)
  t.match(await health(), /"Store":"NOT_READY","desc":"[^"]*waypost store repair --data-dir=/)
  t.match(await health(), /"Relay":"(NOT_)?READY"/, 'relay is mounted')
  t.equal((await query()).status, 503)
  const repaired = await waypost(t, ['store', 'repair', '--data-dir', folder])
  t.match(repaired, { code: 0, stdout: /was put in order: 20 messages/ })
  await node.line(({ msg }) => msg === 'archive ready again')
  t.match(await health(), /"Store":"READY"/)
  const { messages } = (await (await query()).json()) as { messages: unknown[] }
  t.equal(messages.length, 20)
  t.equal(await node.stop(), 0)
})

t.test('damage that is found while the node runs shows in health, in the log and in the metrics', async (t) => {
  const { folder, table } = await filledPartition(t, largeMessages())
  const degraded = async ({ restUrl }: { restUrl: string }) =>
    /^waypost_archive_degraded (\d)$/m.exec(await (await fetch(`${restUrl}/metrics`)).text())?.[1]
  const flags = ['--store-message-retention-policy=none', '--max-msg-size=400KiB']
  const sound = await daemon(t, { dataDir: path.dirname(folder), flags })
  t.equal(await degraded(sound), '0')
  t.equal(await sound.stop(), 0)
  await flip(table, 40)
  const node = await daemon(t, { dataDir: path.dirname(folder), flags })
  await node.line(({ msg }) => msg === 'partition damaged')
  t.equal(await degraded(node), '1')
  t.match(await (await fetch(`${node.restUrl}/health`)).text(), /does not match its checksums/)
  t.equal(await node.stop(), 0)
})
