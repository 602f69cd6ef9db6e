/** The account that a request to join reveals, checked as status-go checks it. */
import t from 'tap'
import {
  addressOf,
  newRevealedAccount,
  personalDigest,
  provenBy,
} from '../../../src/messaging/communities/revealed-account.ts'
import { hex, KeyPair, recoverSigner } from '../../../src/messaging/keys.ts'

const [asker, other, community] = [KeyPair.generate(), KeyPair.generate(), KeyPair.generate()].map(
  ({ publicKey }) => publicKey,
)

/** Who signed what `by` would have to prove, as an address. */
function signerOf(signature: Uint8Array, by: typeof asker): string | undefined {
  const v = (signature[64] ?? 0) - 27
  const signer = recoverSigner(
    personalDigest(provenBy(by!, community!)),
    Buffer.concat([signature.subarray(0, 64), Buffer.of(v)]),
  )
  return signer && addressOf(signer)
}

t.test('an address is that of Ethereum', async (t) => {
  const one = KeyPair.fromSecret(Buffer.from('01'.padStart(64, '0'), 'hex'))
  t.equal(addressOf(one.publicKey), '0x7e5f4552091a69125d5dfcb7b8c2659029395bdf')
})

t.test('a digest is what wallets sign', async (t) => {
  // "hello" by personal_sign, as ethers has it.
  const digest = personalDigest(Buffer.from('hello'))
  t.equal(hex(digest), '50b2c43fd39106bafbba0da34fc430e1f91e3c96ea2acee2bc34119f92b37750')
})

t.test('the account has signed this request of this person, and no other', async (t) => {
  const account = newRevealedAccount(asker!, community!)
  t.equal(signerOf(account.signature, asker), account.address)
  t.not(signerOf(account.signature, other), account.address)
  t.ok(account.isAirdropAddress)
})

t.test('no two requests reveal the same account', async (t) => {
  t.not(newRevealedAccount(asker!, community!).address, newRevealedAccount(asker!, community!).address)
})
