import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { Account } from '../../../src/messaging/identity/account.ts'
import {
  maxKeyFileBytes,
  openAccount,
  readKeyFile,
  type ScryptCost,
  sealAccount,
  writeKeyFile,
} from '../../../src/messaging/identity/key-file.ts'

/** A cost that tests can bear; the default is tried once. */
const cheap: ScryptCost = { N: 2 ** 4, r: 8, p: 1 }
const password = 'correct horse'
const account = await Account.create()

async function codeOf(result: Promise<unknown>): Promise<string> {
  try {
    await result
    return 'none'
  } catch (error) {
    return isWaypostError(error) ? error.code : `not ours: ${error}`
  }
}

t.test('an account comes back from its file with the password, at the cost that is the default', async (t) => {
  const file = path.join(t.testdir(), 'account.json')
  await writeKeyFile(file, account, password)
  const read = await readKeyFile(file, password)
  t.equal(read?.id, account.id)
  t.equal(read?.installation, account.installation)
  t.equal(read?.mnemonic(), account.mnemonic())
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.same(readdirSync(path.dirname(file)), ['account.json'], 'no draft is left')
})

t.test('a wrong password is said to be one, and says nothing of itself', async (t) => {
  const text = await sealAccount(account, password, cheap)
  t.equal((await openAccount(text, password)).id, account.id)
  const error: unknown = await openAccount(text, 'incorrect mule').catch((error: unknown) => error)
  t.ok(isWaypostError(error, 'key-file/wrong-password'))
  t.notMatch(inspect(error, { depth: 9 }), 'incorrect mule')
})

t.test('a password is the same however its letters are composed', async (t) => {
  const text = await sealAccount(account, 'caf\u00e9', cheap)
  t.equal((await openAccount(text, 'cafe\u0301')).id, account.id)
})

t.test('the file holds neither words nor keys in clear', async (t) => {
  const text = await sealAccount(account, password, cheap)
  const secret = Buffer.from(account.chat.secretBytes())
  for (const form of [
    account.mnemonic(),
    ...account.mnemonic().split(' '),
    secret.toString('hex'),
    secret.toString('base64'),
  ])
    t.notOk(text.includes(` ${form} `) || (form.length > 20 && text.includes(form)))
  t.ok(`x${account.mnemonic()}`.includes(account.mnemonic()), 'control: they would be found')
})

t.test('an account that is there is not written over unless it is to be replaced', async (t) => {
  const file = path.join(t.testdir(), 'account.json')
  await writeKeyFile(file, account, password, 'new', cheap)
  const other = await Account.create()
  t.equal(await codeOf(writeKeyFile(file, other, password, 'new', cheap)), 'key-file/exists')
  t.equal((await readKeyFile(file, password))?.id, account.id)
  await writeKeyFile(file, other, 'another password', 'replace', cheap)
  t.equal((await readKeyFile(file, 'another password'))?.id, other.id)
  t.same(readdirSync(path.dirname(file)), ['account.json'])
})

t.test('no file is no account, and a folder that is not there cannot be written to', async (t) => {
  const file = path.join(t.testdir(), 'none', 'account.json')
  t.equal(await readKeyFile(file, password), undefined)
  t.equal(await codeOf(writeKeyFile(file, account, password, 'new', cheap)), 'key-file/unwritable')
  t.notOk(existsSync(file))
})

t.test('a file that others may read, a link, a folder and a long file are not read', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'account.json')
  await writeKeyFile(file, account, password, 'new', cheap)
  t.equal(await codeOf(readKeyFile(file, password)), 'none')
  symlinkSync(file, path.join(folder, 'link'))
  t.equal(await codeOf(readKeyFile(path.join(folder, 'link'), password)), 'key-file/unreadable')
  t.equal(await codeOf(readKeyFile(folder, password)), 'key-file/unreadable')
  writeFileSync(path.join(folder, 'long'), Buffer.alloc(maxKeyFileBytes + 1, 32), { mode: 0o600 })
  t.equal(await codeOf(readKeyFile(path.join(folder, 'long'), password)), 'key-file/unreadable')
  chmodSync(file, 0o640)
  t.equal(await codeOf(readKeyFile(file, password)), 'key-file/unreadable')
})

interface KeyFile {
  format: string
  version: number
  scrypt: Record<string, unknown>
  ciphertext: string
  checksum: string
}

/** A sound file, changed by `change`. */
async function changed(change: (file: KeyFile) => void): Promise<string> {
  const file: KeyFile = JSON.parse(await sealAccount(account, password, cheap))
  change(file)
  return JSON.stringify(file)
}

/** A file of somebody who knows the format: other parameters, and a checksum that fits them. */
function forged(fields: Readonly<Record<string, unknown>>): Promise<string> {
  return changed((file) => {
    const { N, r, p, salt } = Object.assign(file.scrypt, fields)
    const summed = JSON.stringify([file.format, file.version, N, r, p, salt, file.ciphertext])
    file.checksum = createHash('sha256').update(summed).digest('hex')
  })
}

t.test('a file with other parameters within the bounds is tried, and does not open', async (t) => {
  t.equal(await codeOf(openAccount(await forged({ N: 2 ** 5 }), password)), 'key-file/wrong-password')
})

const hostile: Readonly<Record<string, Record<string, unknown>>> = {
  'asks for 8 GiB': { N: 2 ** 23 },
  'asks for more by r': { N: 2 ** 17, r: 64 },
  'asks for all': { N: 2 ** 30, r: 2 ** 30 },
  'asks for hours': { p: 2 ** 20 },
  'has an N that is no power of 2': { N: 1000 },
  'has an N that does not fit its r': { N: 2 ** 16, r: 1 },
  'has an N of 1': { N: 1 },
  'has no N': { N: undefined },
  'has a text for N': { N: '1024' },
  'has a negative r': { r: -1 },
  'has a fraction for p': { p: 1.5 },
  'has no salt': { salt: undefined },
}

for (const [what, fields] of Object.entries(hostile)) {
  t.test(`a file that ${what} is refused before scrypt runs`, async (t) => {
    t.equal(await codeOf(openAccount(await forged(fields), password)), 'key-file/malformed')
  })
}

t.test('a damaged file is told from a wrong password', async (t) => {
  t.equal(await codeOf(openAccount(await changed(() => {}), password)), 'none')
  const damaged = await changed((file) => {
    file.ciphertext = file.ciphertext.replace(/^../, 'AA')
  })
  t.equal(await codeOf(openAccount(damaged, password)), 'key-file/malformed')
  t.equal(
    await codeOf(openAccount(await changed((file) => Object.assign(file, { version: 2 })), password)),
    'key-file/malformed',
  )
  t.equal(
    await codeOf(openAccount(await changed((file) => Object.assign(file, { format: 'x' })), password)),
    'key-file/malformed',
  )
})

t.test('whatever the file holds, it is an account or refused by one of our errors', async (t) => {
  const text = await sealAccount(account, password, cheap)
  const cut = fc.nat(text.length - 2).map((length) => text.slice(0, length))
  const other = fc.oneof(fc.string(), fc.json(), cut)
  await fc.assert(
    fc.asyncProperty(other, async (text) => (await codeOf(openAccount(text, password))) === 'key-file/malformed'),
  )
  t.pass('the property holds')
})
