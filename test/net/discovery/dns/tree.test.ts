import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../../src/core/errors.ts'
import { fromBase32, toBase32 } from '../../../../src/net/discovery/dns/base32.ts'
import {
  growTree,
  hashOf,
  isHashOf,
  parseEntry,
  parseTreeUrl,
  readRoot,
  signRoot,
  treeUrlText,
} from '../../../../src/net/discovery/dns/tree.ts'
import { enrFromText, enrToText } from '../../../../src/net/discovery/enr.ts'
import { keyOf, recordOf, records, treeOf } from '../../../kit/dns-tree.ts'
import { holds } from '../../../kit/property.ts'

interface Vectors {
  readonly url: string
  readonly sequence: string
  readonly root: string
  readonly entries: Record<string, string>
  readonly empty: string
}

// Compiled tests stand in dist/test, vectors in test.
const file = new URL('../../../../../test/vectors/dns-tree.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const url = parseTreeUrl(vectors.url)

t.test('the tree of EIP-1459 is read, and grown the same from its records', async (t) => {
  const root = readRoot(vectors.root, url)
  t.equal(root.sequence, BigInt(vectors.sequence))
  for (const [hash, text] of Object.entries(vectors.entries)) {
    t.equal(hashOf(text), hash)
    t.ok(isHashOf(hash, text))
  }
  const texts = Object.values(vectors.entries)
  const leaves = texts.filter((text) => text.startsWith('enr:')).map(enrFromText)
  const links = texts.filter((text) => text.startsWith('enrtree:')).map(parseTreeUrl)
  const grown = growTree({ records: leaves, links })
  // The order of the leaves is free; three of them have one branch.
  t.equal(grown.links, root.links)
  for (const leaf of leaves) t.equal(grown.entries.get(hashOf(enrToText(leaf))), enrToText(leaf))
  t.equal(grown.entries.size, 5)
  t.equal(growTree({ records: [] }).records, vectors.empty)
})

t.test('a root that is not signed by the key of the URL is refused', async (t) => {
  const tree = treeOf({ records: records(1), sequence: 5n })
  const text = tree.zone.get('nodes.test') ?? ''
  t.equal(readRoot(text, tree.to).sequence, 5n, 'the right one is taken')
  const stranger = signRoot({ ...tree, sequence: 5n }, keyOf(99))
  for (const [id, wrong] of Object.entries({
    'a sequence number that was changed': text.replace('seq=5', 'seq=6'),
    'another subtree': text.replace(/e=\w+/, `e=${vectors.empty}`),
    'another key': stranger,
    'no signature of that length': text.replace(/sig=.*/, 'sig=AAAA'),
    'numbers out of range': text.replace(/sig=.*/, `sig=${'_'.repeat(86)}A`),
  }))
    t.throws(() => readRoot(wrong, tree.to), { code: 'dns-tree/forged' }, id)
  for (const wrong of [
    '',
    'gibberish',
    text.slice(1),
    `${text} more`,
    text.replace('seq=5', 'seq=-5'),
    text.replace('l=', 'l=!'),
  ])
    t.throws(() => readRoot(wrong, tree.to), { code: 'dns-tree/malformed' })
})

t.test('entries that are none are refused', async (t) => {
  t.same(parseEntry('enrtree-branch:'), { is: 'branch', hashes: [] })
  t.same(parseEntry(`enrtree-branch:${vectors.empty}`), { is: 'branch', hashes: [vectors.empty] })
  t.same(parseEntry(vectors.url), { is: 'link', to: url })
  for (const wrong of [
    '',
    'enr',
    'v=spf1 -all',
    'enrtree-branch:a',
    `enrtree-branch:${vectors.empty},`,
    'enrtree-branch:AAAA',
    `enrtree-branch:${'A'.repeat(60)}`,
    'enrtree://AAAA@nodes.test',
    vectors.url.replace('@', ''),
    vectors.url.replace('AKPY', '7777'),
  ])
    t.throws(() => parseEntry(wrong), { code: 'dns-tree/malformed' }, wrong)
})

t.test('a hash may be abbreviated to 12 bytes, not below', async (t) => {
  const text = 'enrtree-branch:'
  t.ok(isHashOf(hashOf(text).slice(0, 20), text))
  t.notOk(isHashOf(hashOf(text).slice(0, 16), text))
  t.notOk(isHashOf(`A${hashOf(text).slice(1)}`, text))
})

t.test('no entry of a tree is above the bytes of a small DNS packet', async (t) => {
  const { entries } = treeOf({ records: records(200) })
  const branches = [...entries.values()].filter((text) => text.startsWith('enrtree-branch:'))
  t.ok(branches.length > 200 / 13, 'there are branches below branches')
  for (const text of branches) t.ok(text.length <= 370)
})

t.test('of several records of one node the newest stands in the tree', async (t) => {
  const { entries } = growTree({ records: [recordOf(1, 2n), recordOf(1, 3n), recordOf(1, 1n)] })
  t.same(
    [...entries.values()].filter((text) => text.startsWith('enr:')),
    [enrToText(recordOf(1, 3n))],
  )
})

t.test('base32 of anything reads back', async (t) => {
  t.equal(toBase32(Buffer.from('foobar')), 'MZXW6YTBOI', 'RFC 4648, 10')
  t.equal(toBase32(Buffer.from('f')), 'MY', 'RFC 4648, 10')
  t.equal(fromBase32('my'), undefined)
  holds(
    t,
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) =>
      Buffer.from(fromBase32(toBase32(bytes)) ?? 'x').equals(bytes),
    ),
  )
})

t.test('whatever stands in a TXT record, it is read or refused with an error of ours', async (t) => {
  const prefix = fc.constantFrom('', 'enr:', 'enrtree://', 'enrtree-branch:', 'enrtree-root:v1 ')
  const readers = [parseEntry, parseTreeUrl, (text: string) => readRoot(text, url)]
  holds(
    t,
    fc.property(prefix, fc.string({ unit: 'binary', maxLength: 300 }), (start, rest) =>
      readers.every((read) => {
        try {
          return read(start + rest) !== undefined
        } catch (error) {
          return isWaypostError(error) && error.code.startsWith('dns-tree/')
        }
      }),
    ),
    { numRuns: 500 },
  )
})

t.test('URLs of trees are written as they are read', async (t) => {
  t.equal(treeUrlText(url), vectors.url)
  t.equal(treeUrlText(parseTreeUrl(vectors.url.replace('nodes.example.org', 'Nodes.Example.org.'))), vectors.url)
})
