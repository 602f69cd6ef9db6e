import { inspect } from 'node:util'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { Account } from '../../../src/messaging/identity/account.ts'
import { newMnemonic, readMnemonic } from '../../../src/messaging/identity/mnemonic.ts'
import { readVectors } from '../../kit/vectors.ts'

interface Person {
  readonly mnemonic: string
  readonly installation: string
  readonly pub: string
}
const { identities } = readVectors<{ identities: Readonly<Record<string, Person>> }>('status-wire')

t.test('words lead to the chat key that status-go has for them', async (t) => {
  for (const { mnemonic, installation, pub } of Object.values(identities)) {
    const account = await Account.restore(mnemonic, installation)
    t.equal(account.id, pub)
    t.equal(account.installation, installation)
    t.not(account.encryption.publicKey, account.chat.publicKey)
  }
})

t.test('words are read as people write them', async (t) => {
  const mnemonic = newMnemonic()
  t.equal(mnemonic.split(' ').length, 12)
  t.equal(readMnemonic(`  ${mnemonic.toUpperCase().replaceAll(' ', ' \n\t')}\n`), mnemonic)
})

const words = 'legal winner thank year wave sausage worth useful legal winner thank yellow'

const wrongWords = [
  { id: 'too few', text: words.replace(' yellow', ''), why: /^not the words of an account: 11 words/ },
  { id: 'none', text: '', why: /1 words/ },
  { id: 'one that is not in the list', text: words.replace('wave', 'waves'), why: /word 5 is not in the list/ },
  { id: 'two exchanged', text: words.replace('legal winner', 'winner legal'), why: /checksum/ },
]

t.test('wrong words are refused, and the text of the refusal has none of them', async (t) => {
  t.ok(await Account.restore(words))
  for (const { id, text, why } of wrongWords) {
    const error: unknown = await Account.restore(text).catch((error: unknown) => error)
    t.ok(isWaypostError(error, 'mnemonic/invalid'), id)
    const said = inspect(error, { depth: 9 }).split('\n', 1)[0] ?? ''
    t.match(String((error as Error).message), why, id)
    const named = wordlist.filter((word) => word.length > 4 && text.split(' ').includes(word) && said.includes(word))
    t.same(named, [], id)
  }
})

t.test('a new person has new words and a new device, and the words bring the person back', async (t) => {
  const [one, other] = await Promise.all([Account.create(), Account.create()])
  t.not(one.id, other.id)
  const restored = await Account.restore(one.mnemonic())
  t.equal(restored.id, one.id)
  t.not(restored.installation, one.installation, 'it is another device')
})

t.test('an account shows neither words nor secrets when it is printed', async (t) => {
  const account = await Account.restore(words)
  const secret = Buffer.from(account.chat.secretBytes()).toString('hex')
  for (const text of [inspect(account, { showHidden: true, depth: 9 }), JSON.stringify(account), `${account}`]) {
    t.notMatch(text, 'winner')
    t.notOk(text.includes(secret))
  }
  t.match(inspect({ words: account.mnemonic() }), 'winner', 'control: they would be found')
})
