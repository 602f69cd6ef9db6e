import t from 'tap'
import { KeyPair, keccak256, uncompress } from '../../../src/messaging/keys.ts'
import { oneToOneGroupId, peerName } from '../../../src/messaging/mvds/group.ts'
import { hexOf } from '../../kit/vectors.ts'

const [one, other] = [1, 2].map((seed) => KeyPair.fromSecret(Buffer.alloc(32, seed)).publicKey) as [Key, Key]
type Key = KeyPair['publicKey']

t.test('both of a conversation have the same group, the smaller X first', async (t) => {
  t.ok(Buffer.compare(one.subarray(1), other.subarray(1)) < 0, 'of these the first is smaller')
  const expected = hexOf(keccak256(one, other))
  t.equal(hexOf(oneToOneGroupId(one, other)), expected)
  t.equal(hexOf(oneToOneGroupId(other, uncompress(one))), expected)
  t.equal(hexOf(oneToOneGroupId(one, one)), hexOf(keccak256(one, one)), 'also with oneself')
})

t.test('a peer is named by its long key', async (t) => {
  t.equal(peerName(one), hexOf(uncompress(one)))
})
