import t from 'tap'
import { signBundle } from '../../../src/messaging/encryption/bundle.ts'
import { DeviceList } from '../../../src/messaging/encryption/devices.ts'
import { bundle, type SignedPrekey } from '../../../src/messaging/encryption/protocol-message.ts'
import { KeyPair } from '../../../src/messaging/keys.ts'

const owner = KeyPair.generate()
const now = 1_700_000_000_123_456_789n
const hour = 3_600_000_000_000n

function prekey(version: number): SignedPrekey {
  return { key: KeyPair.generate().publicKey, version, protocolVersion: 1 }
}

/** The devices after bundles, each told by a device at a time: `{ device: version }`. */
function learnt(
  list: DeviceList,
  speaker: string,
  timestamp: bigint,
  told: Readonly<Record<string, SignedPrekey>>,
  readAt = now + hour,
): DeviceList {
  const signed = signBundle(owner, new Map(Object.entries(told)), timestamp)
  return list.learn(bundle.decode(bundle.encode(signed)), speaker, readAt)
}

const [old, young] = [prekey(1), prekey(2)]

t.test('a newer bundle of a device brings its new prekey, an older one does not bring the old one back', async (t) => {
  const first = learnt(DeviceList.empty, 'a', now, { a: old })
  t.same(first.find('a')?.prekey, old.key)
  const second = learnt(first, 'a', now + 1n, { a: young })
  t.same(second.find('a')?.prekey, young.key)
  t.same(learnt(second, 'a', now, { a: old }).find('a')?.prekey, young.key)
  t.same(first.find('a')?.prekey, old.key, 'the list before is as it was')
})

t.test('a device that lost its prekeys begins to count again, and is believed', async (t) => {
  const list = learnt(DeviceList.empty, 'a', now, { a: young })
  t.same(learnt(list, 'a', now + 1n, { a: old }).find('a')?.prekey, old.key)
})

t.test('what one device says of another counts only where it is newer', async (t) => {
  const list = learnt(DeviceList.empty, 'b', now, { b: young })
  const later = now + 1000n
  t.same(learnt(list, 'a', later, { a: old, b: old }).find('b')?.prekey, young.key)
  const newest = prekey(3)
  t.same(learnt(list, 'a', now - 5n, { a: old, b: newest }).find('b')?.prekey, newest.key)
  t.same(
    learnt(DeviceList.empty, 'a', later, { a: old, b: old }).find('b')?.prekey,
    old.key,
    'or where nothing is known',
  )
})

t.test('a device whose clock is ahead does not shut out another', async (t) => {
  const ahead = learnt(DeviceList.empty, 'a', now + 3_600_000_000_000n, { a: old, b: old })
  t.same(learnt(ahead, 'b', now, { b: young }).find('b')?.prekey, young.key)
})

t.test('a device whose own clock was ahead once is believed again with its next prekey', async (t) => {
  const year = 365n * 24n * hour
  const ahead = learnt(DeviceList.empty, 'a', now + year, { a: old })
  const corrected = learnt(ahead, 'a', now, { a: young })
  t.same(corrected.find('a')?.prekey, young.key)
  const again = learnt(corrected, 'a', now + year, { a: old })
  t.same(again.find('a')?.prekey, young.key, 'what it said ahead does not come back when it is played again')
  const other = learnt(DeviceList.empty, 'b', now + year, { a: old })
  t.same(learnt(other, 'a', now, { a: young }).find('a')?.prekey, young.key)
})

t.test('devices whose clock was ahead once do not keep another one from being written to', async (t) => {
  let list = DeviceList.empty
  for (const device of ['a', 'b', 'c']) list = learnt(list, device, now + 100n * hour, { [device]: old }, now)
  const idsOf = (list: DeviceList) => list.recipients.map(({ installation }) => installation)
  t.same(idsOf(list), ['a', 'b', 'c'])
  t.equal(idsOf(learnt(list, 'd', now + 1n, { d: old }))[0], 'd')
})

t.test('one writes to the three devices that were heard of last, and a fourth is left out', async (t) => {
  let list = DeviceList.empty
  for (const [index, device] of ['a', 'b', 'c', 'd'].entries())
    list = learnt(list, device, now + BigInt(index), { [device]: prekey(1) })
  const idsOf = (list: DeviceList) => list.recipients.map(({ installation }) => installation)
  t.same(idsOf(list), ['d', 'c', 'b'])
  t.same(idsOf(learnt(list, 'a', now + 9n, { a: prekey(1) })), ['a', 'd', 'c'])
  t.same(idsOf(DeviceList.fromBytes(list.toBytes())), idsOf(list))
  t.throws(() => DeviceList.fromBytes(Buffer.of(1)), { code: 'session/unreadable' })
})

t.test('a person with devices without end is remembered by sixteen', async (t) => {
  let list = DeviceList.empty
  for (let index = 0; index < 20; index += 1) list = learnt(list, `${index}`, now + BigInt(index), { [index]: old })
  t.equal(list.find('3'), undefined)
  t.ok(list.find('4'))
})
