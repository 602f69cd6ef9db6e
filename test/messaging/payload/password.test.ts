import { pbkdf2Sync } from 'node:crypto'
import { pbkdf2 } from '@noble/hashes/pbkdf2.js'
import { sha256 } from '@noble/hashes/sha2.js'
import t from 'tap'
import { keyFromPassword, PasswordKeys } from '../../../src/messaging/payload/password.ts'
import { hexOf } from '../../kit/vectors.ts'

t.test('the key of a text is that of PBKDF2 with 65 356 rounds and no salt, as another library has it', async (t) => {
  for (const password of ['test', '', 'ünïcode ✓'])
    t.same(await keyFromPassword(password), pbkdf2(sha256, password, '', { c: 65_356, dkLen: 32 }), password)
  const common = pbkdf2Sync('test', '', 65_536, 32, 'sha256')
  t.not(hexOf(await keyFromPassword('test')), hexOf(common), 'the usual number of rounds is another key')
})

t.test('a key that was asked for at once by many, or again, is the same, and each has a copy of it', async (t) => {
  const [one, other] = await Promise.all([keyFromPassword('same'), keyFromPassword('same')])
  t.same(one, other)
  one.fill(0)
  t.same(await keyFromPassword('same'), other)
})

t.test('no more keys are remembered than the bound, and one that was forgotten is made again', async (t) => {
  const keys = new PasswordKeys(2)
  const first = await keys.keyOf('first')
  await keys.keyOf('second')
  t.equal(keys.size, 2)
  await keys.keyOf('third')
  t.equal(keys.size, 2)
  t.same(await keys.keyOf('first'), first)
  t.equal(keys.size, 2)
})
