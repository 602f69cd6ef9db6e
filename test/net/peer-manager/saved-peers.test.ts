import { appendFile, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { SavedPeers } from '../../../src/net/peer-manager/saved-peers.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { peer, pool } from '../discovery/kit.ts'

const fileIn = (t: Test) => path.join(t.testdir(), 'peers.jsonl')

t.test('peers that were met are there again after a restart, the last met first', async (t) => {
  const file = fileIn(t)
  const known = await pool()
  const [first, second, stranger] = [await peer(), await peer(), await peer()]
  for (const one of [first, second, stranger]) known.add(one)
  {
    await using saved = await SavedPeers.open({ file, pool: known, log: silentLog() })
    for (const { peerId } of [first, second, first]) saved.met(peerId)
  }
  await using again = await SavedPeers.open({ file, pool: await pool(), log: silentLog() })
  t.same(
    again.all.map(({ peerId }) => peerId.toString()),
    [first, second].map(({ peerId }) => peerId.toString()),
  )
  const [back] = again.all
  t.equal(back?.source, 'persisted')
  t.same(back?.shards, first.shards, 'with what its record says')
  t.same(back?.addresses.map(String), first.addresses.map(String))
})

t.test('lines that cannot be read are passed over, and a file that is too long is not read', async (t) => {
  const file = fileIn(t)
  const known = await pool()
  const one = await peer()
  known.add(one)
  {
    await using saved = await SavedPeers.open({ file, pool: known, log: silentLog() })
    saved.met(one.peerId)
  }
  await appendFile(file, '{"peer":7}\nnot json\n{"peer":"16Uiu2","addresses":["/nonsense"]}\n')
  const open = async () => {
    await using saved = await SavedPeers.open({ file, pool: known, log: silentLog() })
    return saved.all.length
  }
  t.equal(await open(), 1)
  await writeFile(file, (await readFile(file, 'utf8')) + ' '.repeat(2 * 1024 * 1024))
  t.equal(await open(), 0)
})
