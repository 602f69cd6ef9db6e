import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import t from 'tap'
import { nodeKey, nodeKeyFromHex } from '../../src/net/identity.ts'

const digits = '1f'.repeat(32)

t.test('a key is made once, for its owner only, and is the same ever after', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'node.key')
  const first = await nodeKey(file)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(peerIdFromPrivateKey(first).toString(), /^16Uiu2/)
  t.same((await nodeKey(file)).raw, first.raw)
  t.same(readdirSync(folder), ['node.key'], 'no draft is left')
})

t.test('starts at the same moment agree on one key', async (t) => {
  const file = path.join(t.testdir(), 'node.key')
  const keys = await Promise.all(Array.from({ length: 8 }, () => nodeKey(file)))
  const ids = new Set(keys.map((key) => peerIdFromPrivateKey(key).toString()))
  t.equal(ids.size, 1)
})

t.test('a key file that others may read is refused, with the command that helps', async (t) => {
  const file = path.join(t.testdir({ 'node.key': digits }), 'node.key')
  chmodSync(file, 0o640)
  await t.rejects(nodeKey(file), { code: 'identity/open-to-others', message: `chmod 600 ${file}` })
  chmodSync(file, 0o600)
  await t.resolves(nodeKey(file))
})

t.test('a file that holds no key is refused, and left as it is', async (t) => {
  for (const [id, text] of Object.entries({
    empty: '',
    'cut short': digits.slice(2),
    'not hexadecimal': 'zz'.repeat(32),
    zero: '00'.repeat(32),
    'above the order of the curve': 'ff'.repeat(32),
    'too long': digits.repeat(10),
  })) {
    const file = path.join(t.testdir(), 'node.key')
    writeFileSync(file, text, { mode: 0o600 })
    await t.rejects(nodeKey(file), { code: 'identity/bad-key' }, id)
    t.equal(readFileSync(file, 'utf8'), text, id)
  }
})

t.test('what is no file of its own is refused', async (t) => {
  const folder = t.testdir({ real: digits })
  symlinkSync(path.join(folder, 'real'), path.join(folder, 'link'))
  mkdirSync(path.join(folder, 'folder'))
  await t.rejects(nodeKey(path.join(folder, 'link')), { code: 'identity/not-a-file' })
  await t.rejects(nodeKey(path.join(folder, 'folder')), { code: 'identity/not-a-file' })
  await t.rejects(nodeKey(path.join(folder, 'missing', 'node.key')), { code: 'identity/unwritable' })
})

t.test('a key in hexadecimal digits is taken with 0x or without, and never told', async (t) => {
  t.same(nodeKeyFromHex(`0x${digits}\n`, '--nodekey').raw, nodeKeyFromHex(digits, '--nodekey').raw)
  try {
    nodeKeyFromHex(`${digits}0`, '--nodekey')
    t.fail('a digit too many')
  } catch (error) {
    t.match(String(error), '--nodekey')
    t.notMatch(String(error), digits)
  }
})
