import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { keyOfPeer, placed, placeOf } from '../../../../src/net/discovery/kad/ids.ts'
import { walkInterval, walkPause } from '../../../../src/net/discovery/kad/limits.ts'
import { Seeker } from '../../../../src/net/discovery/kad/seek.ts'
import { Table } from '../../../../src/net/discovery/kad/table.ts'
import { silentLog } from '../../../../src/telemetry/log.ts'
import { host } from '../../../kit/host.ts'
import { ManualSchedule } from '../../../kit/schedule.ts'

/** A seeker that knows one node, whose record has the sequence number that `says` gives. */
async function seeking(t: Test, says: () => bigint) {
  const { libp2p } = await host(t)
  const peerId = peerIdFromPrivateKey(await generateKeyPair('secp256k1'))
  const addresses = [multiaddr(`/ip4/127.0.0.1/tcp/4000/p2p/${peerId}`)]
  const table = new Table(placeOf(keyOfPeer(libp2p.peerId)))
  table.answered(placed({ peerId, addresses }))
  const schedule = new ManualSchedule()
  const now = { time: 0 }
  const walks = { count: 0 }
  const found: bigint[] = []
  const seeker = new Seeker({
    libp2p,
    table,
    client: {
      async findNode() {
        walks.count += 1
        return []
      },
      recordOf: async () => ({ peerId, sequence: says(), addresses, services: [] }),
    },
    bootstrap: [],
    found: ({ sequence }) => found.push(sequence) > 0,
    log: silentLog(),
    schedule: schedule.schedule,
    clock: () => now.time,
  })
  t.teardown(() => seeker[Symbol.asyncDispose]())
  /** Lets the walk that is due happen. */
  const walk = async (): Promise<void> => {
    const due = await schedule.next()
    due.run()
    await schedule.next()
  }
  return { seeker, schedule, now, walks, found, walk }
}

t.test('a record that is older than one that was seen counts no more', async (t) => {
  const sequences = [5n, 4n, 5n, 6n]
  const { seeker, found, walk } = await seeking(t, () => sequences.shift() ?? 0n)
  seeker.soon()
  for (let walks = 0; walks < 4; walks += 1) await walk()
  t.same(found, [5n, 5n, 6n])
})

t.test('whoever wishes for a walk again and again puts it off no further', async (t) => {
  const { seeker, schedule, now, walks, walk } = await seeking(t, () => 1n)
  seeker.soon()
  await walk()
  t.equal(walks.count, 1)
  const later = await schedule.next()
  t.equal(later.delay, walkInterval)
  now.time = 1000
  seeker.soon()
  const due = await schedule.next()
  t.equal(due.delay, walkPause - 1000, 'the first wish brings it near')
  for (let wishes = 0; wishes < 100; wishes += 1) {
    now.time += 100
    seeker.soon()
  }
  t.same(schedule.due, [due])
  await walk()
  t.equal(walks.count, 2)
})
