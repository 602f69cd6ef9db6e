import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { enrFromText } from '../../../src/net/discovery/enr.ts'
import { readRecord } from '../../../src/net/discovery/node-record.ts'
import { CurrentRecord } from '../../../src/net/discovery/own-record.ts'

/** Opens the record of a node that follows `shards`, which the test may change. */
async function own(t: Test, { key, file }: { key?: PrivateKey; file?: string } = {}) {
  const privateKey = key ?? (await generateKeyPair('secp256k1'))
  const shards = [1]
  const addresses = [multiaddr('/ip4/8.8.4.4/tcp/60000')]
  const describe = () => ({ addresses, capabilities: ['relay'] as const, shards: { cluster: 1, shards } })
  const record = await CurrentRecord.open({ privateKey, describe, file, clock: () => 1000 })
  t.teardown(() => record.settled())
  return { privateKey, shards, record }
}

t.test('a record says what is so, and a change makes another with a higher number', async (t) => {
  const { shards, record } = await own(t)
  const heard: bigint[] = []
  record.onChange(({ sequence }) => heard.push(sequence))
  const before = record.record.sequence
  shards.push(2)
  record.update()
  t.same(readRecord(record.record).shards?.shards, [1, 2])
  t.same(heard, [before + 1n])
  record.update()
  t.same(heard, [before + 1n], 'nothing has changed')
})

t.test('a restart that changes nothing gives out the same record', async (t) => {
  const file = path.join(t.testdir(), 'node.enr')
  const { privateKey, record } = await own(t, { file })
  await record.settled()
  const again = await own(t, { key: privateKey, file })
  t.equal(again.record.text, record.text)
})

t.test('a restart that changes something has a higher number, whatever the clock says', async (t) => {
  const file = path.join(t.testdir(), 'node.enr')
  const { privateKey, shards, record } = await own(t, { file })
  for (let shard = 2; shard < 6; shard += 1) {
    shards.push(shard)
    record.update()
  }
  await record.settled()
  const again = await own(t, { key: privateKey, file })
  t.equal(again.record.record.sequence, record.record.sequence + 1n)
  await again.record.settled()
  t.equal(enrFromText(await readFile(file, 'utf8')).sequence, again.record.record.sequence)
})

t.test('a file of another key, or of anything else, counts for nothing', async (t) => {
  const file = path.join(t.testdir(), 'node.enr')
  const { record } = await own(t, { file })
  await record.settled()
  const other = await own(t, { file })
  t.equal(other.record.record.sequence, 1000n, 'the time in milliseconds')
  await other.record.settled()
  await writeFile(file, 'enr:nonsense')
  t.equal((await own(t, { file })).record.record.sequence, 1000n)
})
