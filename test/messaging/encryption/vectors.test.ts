/** The functions of the encryption layer against values of status-go's. */
import t from 'tap'
import { judgeBundle, signBundle, signedMaterial } from '../../../src/messaging/encryption/bundle.ts'
import { associatedData } from '../../../src/messaging/encryption/double-ratchet.ts'
import { GroupKey } from '../../../src/messaging/encryption/group-key.ts'
import { HashRatchet } from '../../../src/messaging/encryption/hash-ratchet.ts'
import { type Bundle, encryptedMessage, hashRatchetHeader } from '../../../src/messaging/encryption/protocol-message.ts'
import { openRatcheted, sealRatcheted, stepChain, stepRoot } from '../../../src/messaging/encryption/ratchet-keys.ts'
import { openRekey, rekeyIndex, sealRekey } from '../../../src/messaging/encryption/rekey.ts'
import { answerX3dh, startX3dh } from '../../../src/messaging/encryption/x3dh.ts'
import { KeyPair, keccak256 } from '../../../src/messaging/keys.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

interface Parties {
  readonly IKA: string
  readonly IKB: string
  readonly SPKB: string
  readonly EKA: string
}

interface Vectors {
  readonly secret: Parties
  readonly pub: Parties
  readonly x3dh: { readonly shared: string; readonly published: Parties & { readonly shared: string } }
  readonly kdf_rk: Readonly<Record<'dh_in' | 'rk_in' | 'rk_out' | 'ck_out', string>>
  readonly kdf_ck: Readonly<Record<'ck_in' | 'ck_out' | 'mk', string>>
  readonly dr_encrypt: Readonly<Record<'ad' | 'ciphertext' | 'dh' | 'mk' | 'plaintext', string>> & {
    n: number
    pn: number
  }
  readonly bundle: Readonly<Record<'material' | 'signature' | 'timestamp', string>>
  readonly hash_ratchet: Readonly<
    Record<'ct_seq1' | 'group_id' | 'key' | 'key_id' | 'key_seq1' | 'key_seq2' | 'key_seq3', string>
  > & {
    deprecated_key_id: number
    timestamp: number
  }
  readonly rekey: { readonly encrypted_key: string; readonly index: readonly number[]; readonly shared_key: string }
}

const vectors = readVectors<Vectors>('status-encryption')

function pairs(secret: Parties): Readonly<Record<keyof Parties, KeyPair>> {
  const pair = (name: keyof Parties) => KeyPair.fromSecret(bytesOf(secret[name]))
  return { IKA: pair('IKA'), IKB: pair('IKB'), SPKB: pair('SPKB'), EKA: pair('EKA') }
}

const { IKA, IKB, SPKB, EKA } = pairs(vectors.secret)

t.test('X3DH gives the secret of status-go on both sides', async (t) => {
  for (const { secret, shared } of [
    { secret: vectors.secret, shared: vectors.x3dh.shared },
    { secret: vectors.x3dh.published, shared: vectors.x3dh.published.shared },
  ]) {
    const { IKA, IKB, SPKB, EKA } = pairs(secret)
    const started = startX3dh(IKA, { identity: IKB.publicKey, prekey: SPKB.publicKey }, EKA)
    t.equal(hexOf(started.sharedKey), shared)
    t.same(started.ephemeralKey, EKA.publicKey)
    t.equal(hexOf(answerX3dh(IKB, SPKB, IKA.publicKey, EKA.publicKey)), shared)
  }
})

t.test('the root and the chains step as those of status-go', async (t) => {
  const { kdf_rk, kdf_ck } = vectors
  const root = stepRoot(bytesOf(kdf_rk.rk_in), bytesOf(kdf_rk.dh_in))
  t.equal(hexOf(root.rootKey), kdf_rk.rk_out)
  t.equal(hexOf(root.chainKey), kdf_rk.ck_out)
  const chain = stepChain(bytesOf(kdf_ck.ck_in))
  t.equal(hexOf(chain.chainKey), kdf_ck.ck_out)
  t.equal(hexOf(chain.messageKey), kdf_ck.mk)
})

t.test('a message of the double ratchet is byte for byte that of status-go', async (t) => {
  const { dh, n, pn, ad, mk, plaintext, ciphertext } = vectors.dr_encrypt
  const associated = associatedData({ key: bytesOf(dh), n, previous: pn })
  t.equal(hexOf(associated), ad)
  t.equal(hexOf(sealRatcheted(bytesOf(mk), Buffer.from(plaintext), associated)), ciphertext)
  t.equal(String(openRatcheted(bytesOf(mk), bytesOf(ciphertext), associated)), plaintext)
  const other = associatedData({ key: bytesOf(dh), n: n + 1, previous: pn })
  t.equal(openRatcheted(bytesOf(mk), bytesOf(ciphertext), other), undefined)
  t.equal(openRatcheted(bytesOf(mk), new Uint8Array(47), associated), undefined)
})

/** The bundle of the vector: two devices, whose prekeys are the other keys of the file. */
function vectorBundle(): Bundle {
  const prekeys = new Map([
    ['inst-b', { key: SPKB.publicKey, version: 3, protocolVersion: 1 }],
    ['inst-a', { key: EKA.publicKey, version: 12, protocolVersion: 1 }],
  ])
  const { timestamp, signature } = vectors.bundle
  return { identity: IKB.publicKey, prekeys, timestamp: BigInt(timestamp), signature: bytesOf(signature) }
}

t.test('what a bundle is signed over, and its signature, are those of status-go', async (t) => {
  const vector = vectorBundle()
  t.equal(hexOf(signedMaterial(vector)), vectors.bundle.material)
  const signer = [IKA, IKB].find(
    (one) => judgeBundle({ ...vector, identity: one.publicKey }, one.publicKey) === 'sound',
  )
  t.ok(signer, 'one of the two identities signed it')
  const signed = signBundle(signer ?? IKA, vector.prekeys, vector.timestamp)
  t.equal(hexOf(signed.signature ?? IKA.publicKey), vectors.bundle.signature)
})

const { hash_ratchet: group } = vectors
const groupKey = new GroupKey(bytesOf(group.group_id), BigInt(group.timestamp), bytesOf(group.key))

t.test('a group key has the ids of status-go, and leads to the same keys', async (t) => {
  t.equal(hexOf(groupKey.id), group.key_id)
  t.equal(groupKey.deprecatedId, group.deprecated_key_id)
  const steps = [group.key_seq1, group.key_seq2, group.key_seq3]
  let key = groupKey.secretBytes()
  for (const step of steps) {
    key = keccak256(key)
    t.equal(hexOf(key), step)
  }
})

t.test('a message of status-go in an encrypted community is opened', async (t) => {
  const messageAt = (sequence: number) => ({
    ...encryptedMessage.blank(),
    hashRatchet: { ...hashRatchetHeader.blank(), sequence, keyId: bytesOf(group.key_id) },
    payload: bytesOf(group.ct_seq1),
  })
  const opened = HashRatchet.of(groupKey).decrypt(messageAt(1))
  t.ok(opened.opened)
  t.match(opened.opened ? String(opened.plaintext) : '', /^[\x20-\x7e]+$/)
  t.match(HashRatchet.of(groupKey).decrypt(messageAt(2)), { opened: false, why: 'forged' })
})

t.test('an entry of a rekey of status-go brings its key, to its member alone', async (t) => {
  const { rekey } = vectors
  t.equal(hexOf(IKA.sharedSecret(IKB.publicKey)), rekey.shared_key)
  t.same([rekeyIndex(IKB.publicKey)], rekey.index)
  const entries = new Map([[rekey.index[0] ?? 0, bytesOf(rekey.encrypted_key)]])
  t.equal(hexOf(openRekey(IKB, IKA.publicKey, entries) ?? IKA.publicKey), group.key)
  t.equal(openRekey(SPKB, IKA.publicKey, entries), undefined)
  const ours = sealRekey(IKA, [IKB.publicKey], bytesOf(group.key))
  t.same([...ours.keys()], rekey.index)
  t.equal(ours.get(rekey.index[0] ?? 0)?.length, 60)
  t.equal(hexOf(openRekey(IKB, IKA.publicKey, ours) ?? IKA.publicKey), group.key)
})
