/** What somebody can make a device keep: so much, and no more however long it goes on. */
import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { maxSkippedMessages } from '../../../src/messaging/encryption/double-ratchet.ts'
import { sealOneShot } from '../../../src/messaging/encryption/one-shot.ts'
import { protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { maxKeptKeys } from '../../../src/messaging/encryption/ratchet-state.ts'
import { Session } from '../../../src/messaging/encryption/session.ts'
import { KeyPair, keyOfUser, keyOrNone } from '../../../src/messaging/keys.ts'
import { syncPayload } from '../../../src/messaging/mvds/payload.ts'
import { syncLimits } from '../../../src/messaging/mvds/peer-sync.ts'
import { segmentMessage } from '../../../src/messaging/segmentation/segment.ts'
import { partitionedChannel } from '../../../src/messaging/topics.ts'
import { hand, kept, prekeyOf, type Scene, scene, staysWell } from './attack.ts'

const mebibyte = 1024 * 1024

/** How much more there may be after twice as much of the same, and how many more rows: some of another kind come and go. */
const [slack, few] = [1.05, 5]

/** Asserts that a flood is kept in part, and that going on with it adds nothing. `flood` is one half. */
async function isBounded(t: Test, all: Scene, flood: () => Promise<void>): Promise<void> {
  const before = await kept(all.bob)
  await flood()
  const once = await kept(all.bob)
  await flood()
  const twice = await kept(all.bob)
  t.ok(once.bytes > before.bytes, `the flood is kept: ${before.bytes} bytes before, ${once.bytes} after it`)
  t.ok(twice.bytes < once.bytes * slack, `and goes on in vain: ${twice.bytes} bytes`)
  t.ok(
    twice.rows < once.rows * slack + few,
    `${before.rows} rows before, ${once.rows} after it, ${twice.rows} at the end`,
  )
  await staysWell(t, all)
}

t.test('keys that a stranger has skipped', async (t) => {
  const all = await scene(t)
  const { network, bob } = all
  const [installation, { key }] = await prekeyOf(network, bob)
  const [identity, mallory] = [keyOfUser(bob.me.id), KeyPair.generate()]
  let session = Session.start(mallory, { identity, installation, prekey: keyOrNone(key)! })
  const skip = maxSkippedMessages - 1
  await isBounded(t, all, async () => {
    for (let at = 0; at < 2 * maxKeptKeys; at += 1) {
      const { message, next } = session.encrypt(randomBytes(40))
      session = next
      const encrypted = new Map([[installation, message]])
      if (at % skip === 0)
        await hand(bob, partitionedChannel(identity), protocolMessage.encode({ installation: 'm', encrypted }), mallory)
    }
  })
})

t.test('messages, offers and confirmations that say nothing', async (t) => {
  const all = await scene(t)
  const { bob, channel, keys } = all
  const say = async (draft: Parameters<typeof syncPayload.encode>[0]): Promise<void> => {
    const encrypted = new Map([['none', sealOneShot(keyOfUser(bob.me.id), syncPayload.encode(draft))]])
    await hand(bob, channel, protocolMessage.encode({ installation: 'm', encrypted }), keys)
  }
  const message = () => ({ groupId: randomBytes(32), timestamp: 2n ** 62n, body: randomBytes(20) })
  const several = 1000
  await isBounded(t, all, async () => {
    for (let sent = 0; sent < syncLimits.seen + several; sent += several) {
      const ids = Array.from({ length: several }, () => randomBytes(32))
      await say({ messages: Array.from({ length: several }, message) })
      for (const draft of [{ acks: ids }, { offers: ids }, { requests: ids }]) await say(draft)
    }
  })
})

t.test('segments of messages that are never whole', async (t) => {
  const all = await scene(t)
  const { bob, channel, keys } = all
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held = (): number => {
    collect()
    return process.memoryUsage().arrayBuffers / mebibyte
  }
  const [count, size, bound] = [300, mebibyte / 4, 20]
  const flood = async (): Promise<void> => {
    const payload = randomBytes(size)
    for (let at = 0; at < count; at += 1) {
      const numbers = { index: at % 8, segmentsCount: 8, parityCount: 0 }
      await hand(bob, channel, segmentMessage.encode({ ...numbers, wholeHash: randomBytes(32), payload }), keys)
    }
    await bob.me.settled()
  }
  const before = held()
  await flood()
  const added = held() - before
  t.ok(added > 1, 'the flood is kept')
  t.ok(added < bound, `${added} MiB of ${(count * size) / mebibyte} are held`)
  await staysWell(t, all)
})
