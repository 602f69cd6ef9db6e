/** The attacks on discovery by DNS, each beside the tree that is taken. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { isWaypostError } from '../../../../src/core/errors.ts'
import { type FetchOptions, fetchTree } from '../../../../src/net/discovery/dns/client.ts'
import { treeLimits } from '../../../../src/net/discovery/dns/limits.ts'
import { type ResolveTxt, txtResolver } from '../../../../src/net/discovery/dns/resolver.ts'
import { hashOf, signRoot } from '../../../../src/net/discovery/dns/tree.ts'
import { enrToText } from '../../../../src/net/discovery/enr.ts'
import { keyOf, recordOf, records, type TestTree, treeOf } from '../../../kit/dns-tree.ts'
import { freePort } from '../../../kit/free-port.ts'
import { nameServer, type Zone } from '../../../kit/name-server.ts'
import { needs } from '../../../kit/tools.ts'

const fleet = records(40)
const texts = fleet.map(enrToText).sort()

/** Answers from a map, for trees that no name server would serve. */
function from(zone: Zone, asked: string[] = []): ResolveTxt {
  return async (name) => {
    asked.push(name)
    const answer = zone.get(name)
    if (answer === undefined) throw new Error('ENOTFOUND')
    return typeof answer === 'string' ? [answer] : answer
  }
}

function fetched({ to, zone }: TestTree, options: Partial<FetchOptions> = {}) {
  return fetchTree(to, { resolve: from(zone), ...options })
}

/** A tree with this root entry for its records. */
function treeWith(top: string, below: Zone = new Map()): TestTree {
  const tree = treeOf({ records: [] })
  const root = signRoot({ records: hashOf(top), links: tree.links, sequence: 1n }, keyOf(0))
  const zone = [...tree.zone, ['nodes.test', root] as const, [`${hashOf(top)}.nodes.test`, top] as const, ...below]
  return { ...tree, zone: new Map(zone as [string, string][]) }
}

async function served(t: Test, zone: Zone): Promise<ResolveTxt | undefined> {
  const dnsmasq = needs(t, 'dnsmasq')
  return dnsmasq === undefined ? undefined : txtResolver([(await nameServer(t, dnsmasq, zone)).address])
}

t.test('a tree is read whole from a real name server', async (t) => {
  const linked = treeOf({ records: [], domain: 'more.test', key: keyOf(5) })
  const tree = treeOf({ records: fleet, links: [linked.to], sequence: 7n })
  // Other TXT records stand at the same name; and one that is longer than one piece.
  const zone = new Map<string, string | readonly string[]>(tree.zone)
  zone.set('nodes.test', ['v=spf1 -all', tree.zone.get('nodes.test') ?? ''])
  const resolve = await served(t, zone)
  if (resolve === undefined) return
  const { root, records, links, troubles } = await fetchTree(tree.to, { resolve })
  t.equal(root.sequence, 7n)
  t.same(records.map(enrToText).sort(), texts)
  t.same(links, [linked.to])
  t.same(troubles, [])
})

t.test('when the first name server is silent the next one is asked', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const tree = treeOf({ records: fleet.slice(0, 2) })
  const { address } = await nameServer(t, dnsmasq, tree.zone)
  const resolve = txtResolver([`127.0.0.1:${await freePort()}`, address])
  t.equal((await fetchTree(tree.to, { resolve })).records.length, 2)
})

t.test('a name without records, and a server that is down, are look-ups that failed', async (t) => {
  const resolve = await served(t, new Map())
  if (resolve === undefined) return
  const { to } = treeOf({ records: fleet })
  await t.rejects(fetchTree(to, { resolve }), { code: 'dns-tree/look-up-failed' })
  const nobody = txtResolver([`127.0.0.1:${await freePort()}`])
  await t.rejects(fetchTree(to, { resolve: nobody }), { code: 'dns-tree/look-up-failed' })
})

t.test('a root that was tampered with, or that another key signed, is refused', async (t) => {
  const tree = treeOf({ records: fleet })
  t.equal((await fetched(tree)).records.length, fleet.length, 'the right one is taken')
  const tampered = new Map(tree.zone).set('nodes.test', (tree.zone.get('nodes.test') ?? '').replace('seq=1', 'seq=2'))
  await t.rejects(fetched({ ...tree, zone: tampered }), { code: 'dns-tree/forged' })
  const stranger = treeOf({ records: fleet, key: keyOf(9) })
  await t.rejects(fetched({ ...stranger, to: tree.to }), { code: 'dns-tree/forged' })
})

t.test('a root that is older than one that was seen is refused', async (t) => {
  const tree = treeOf({ records: fleet, sequence: 4n })
  for (const atLeast of [undefined, 3n, 4n]) t.equal((await fetched(tree, { atLeast })).root.sequence, 4n)
  await t.rejects(fetched(tree, { atLeast: 5n }), { code: 'dns-tree/rolled-back', data: { sequence: 4n, known: 5n } })
})

t.test('an entry that does not have its hash is refused, the others are taken', async (t) => {
  const tree = treeOf({ records: fleet })
  const [first] = texts
  const name = `${hashOf(first ?? '')}.nodes.test`
  const zone = new Map(tree.zone).set(name, enrToText(recordOf(41)))
  const { records: taken, troubles } = await fetched({ ...tree, zone })
  t.same(taken.map(enrToText).sort(), texts.slice(1))
  t.match(troubles, [{ code: 'dns-tree/wrong-hash', ofRecord: false }])
})

t.test('a record whose signature does not fit is left out, though the tree names it', async (t) => {
  const [good = '', other = ''] = texts
  const broken = `${good.slice(0, 20)}${good[20] === 'A' ? 'B' : 'A'}${good.slice(21)}`
  const branch = `enrtree-branch:${hashOf(broken)},${hashOf(other)}`
  const leaves = new Map([broken, other].map((text) => [`${hashOf(text)}.nodes.test`, text]))
  const { records: taken, troubles } = await fetched(treeWith(branch, leaves))
  t.same(taken.map(enrToText), [other])
  t.match(troubles, [{ code: 'enr/malformed', ofRecord: true }])
})

t.test('a loop of branches ends at the first entry that is not what its name says', async (t) => {
  const back = `enrtree-branch:${hashOf('enrtree-branch:')}`
  const asked: string[] = []
  // The second branch leads back to the first, which no hash allows.
  const top = `enrtree-branch:${hashOf(back)},${hashOf(back)}`
  const zone = treeWith(top, new Map([[`${hashOf(back)}.nodes.test`, `enrtree-branch:${hashOf(top)}`]]))
  const { records: taken, troubles } = await fetched(zone, { resolve: from(zone.zone, asked) })
  t.same(taken, [])
  t.match(troubles, [{ code: 'dns-tree/wrong-hash' }])
  t.equal(new Set(asked).size, asked.length, 'no name is asked for twice')
})

t.test('ten thousand branches are read up to the bound', async (t) => {
  const leaf = texts[0] ?? ''
  const branches = Array.from({ length: 10_000 }, (_, index) => `enrtree-branch:${hashOf(leaf)},${hashOf(`${index}`)}`)
  const groups = Array.from({ length: 200 }, (_, index) => branches.slice(index * 50, (index + 1) * 50))
  const middle = groups.map((group) => `enrtree-branch:${group.map(hashOf).join(',')}`)
  const tops = Array.from(
    { length: 4 },
    (_, index) =>
      `enrtree-branch:${middle
        .slice(index * 50, (index + 1) * 50)
        .map(hashOf)
        .join(',')}`,
  )
  const all = [leaf, ...branches, ...middle, ...tops].map((text) => [`${hashOf(text)}.nodes.test`, text] as const)
  const tree = treeWith(`enrtree-branch:${tops.map(hashOf).join(',')}`, new Map(all))
  const asked: string[] = []
  const { troubles } = await fetched(tree, { resolve: from(tree.zone, asked) })
  t.ok(asked.length <= treeLimits.entries + 1)
  t.ok(troubles.some(({ code }) => code === 'dns-tree/too-large'))
})

t.test('branches one below the other are followed up to the bound', async (t) => {
  const chain = (length: number): TestTree => {
    const below = new Map<string, string>()
    const top = Array.from({ length }).reduce<string>((text) => {
      below.set(`${hashOf(text)}.nodes.test`, text)
      return `enrtree-branch:${hashOf(text)}`
    }, texts[0] ?? '')
    return treeWith(top, below)
  }
  t.equal((await fetched(chain(treeLimits.depth))).records.length, 1)
  const { records: taken, troubles } = await fetched(chain(treeLimits.depth + 1))
  t.same(taken, [])
  t.match(troubles, [{ code: 'dns-tree/too-large' }])
})

t.test('a huge TXT record is not read, nor a hundred at one name', async (t) => {
  const tree = treeOf({ records: fleet.slice(0, 1) })
  const root = tree.zone.get('nodes.test') ?? ''
  const at = (answer: readonly string[]): Zone =>
    new Map<string, string | readonly string[]>(tree.zone).set('nodes.test', answer)
  const few = from(at(['x'.repeat(60_000), root]))
  t.equal((await fetched(tree, { resolve: few })).records.length, 1)
  const huge = from(at([root.padEnd(60_000)]))
  await t.rejects(fetched(tree, { resolve: huge }), { code: 'dns-tree/look-up-failed' })
  const many = from(at([...Array.from({ length: 100 }, (_, index) => `v=${index}`), root]))
  await t.rejects(fetched(tree, { resolve: many }), { code: 'dns-tree/look-up-failed' })
})

t.test('all entries together are read up to the bound', async (t) => {
  const tree = treeOf({ records: fleet })
  const { records: taken, troubles } = await fetched(tree, { limits: { bytes: 3000 } })
  t.ok(taken.length > 0 && taken.length < fleet.length)
  t.ok(troubles.some(({ code }) => code === 'dns-tree/too-large'))
})

t.test('a name server that never answers is waited for up to the bound', async (t) => {
  const tree = treeOf({ records: fleet })
  const silent = createSocket('udp4').bind(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const never = txtResolver([`127.0.0.1:${silent.address().port}`])
  await t.rejects(fetched(tree, { resolve: never, limits: { timeout: 20 } }), { code: 'dns-tree/look-up-failed' })
  const leafless: ResolveTxt = (name, signal) =>
    name === 'nodes.test' ? from(tree.zone)(name, signal) : never(name, signal)
  const { records: taken, troubles } = await fetched(tree, { resolve: leafless, limits: { timeout: 200 } })
  t.same(taken, [])
  t.ok(troubles.length > 0)
})

t.test('a link among records, and a record among links, are refused', async (t) => {
  const { url } = treeOf({ records: [], domain: 'more.test' })
  const { links, troubles } = await fetched(treeWith(url))
  t.same(links, [])
  t.match(troubles, [{ code: 'dns-tree/malformed' }])
  const [text = ''] = texts
  const tree = treeOf({ records: [] })
  const root = signRoot({ records: tree.records, links: hashOf(text), sequence: 1n }, keyOf(0))
  const zone = new Map([...tree.zone, ['nodes.test', root], [`${hashOf(text)}.nodes.test`, text]])
  t.match(await fetched({ ...tree, zone }), { records: [], troubles: [{ code: 'dns-tree/malformed' }] })
})

t.test('whatever name servers answer, a tree is read or refused with an error of ours', async (t) => {
  const tree = treeOf({ records: fleet.slice(0, 15) })
  const texts = [...tree.zone.values(), 'enrtree-branch:', tree.url, 'v=spf1 -all', '']
  const answer = fc.oneof(fc.constantFrom(...texts), fc.string({ unit: 'binary', maxLength: 100 }))
  const answers = fc.array(fc.array(answer, { maxLength: 3 }), { minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(answers, fc.boolean(), async (lists, rootFirst) => {
      let asked = 0
      const resolve: ResolveTxt = async (name) =>
        rootFirst && name === 'nodes.test' ? [tree.zone.get(name) ?? ''] : (lists[asked++ % lists.length] ?? [])
      try {
        const { records: taken, troubles } = await fetched(tree, { resolve })
        return (
          taken.every((record) => texts.includes(enrToText(record))) &&
          troubles.every(({ code }) => code !== 'internal/bug')
        )
      } catch (error) {
        return isWaypostError(error) && error.code.startsWith('dns-tree/')
      }
    }),
    { numRuns: 300 },
  )
  t.pass('the property holds')
})

t.test('entries that are known are not looked up again', async (t) => {
  const tree = treeOf({ records: fleet })
  const { entries } = await fetched(tree)
  const asked: string[] = []
  const again = await fetched(tree, { known: entries, resolve: from(tree.zone, asked) })
  t.same(asked, ['nodes.test'])
  t.same(again.records.map(enrToText).sort(), texts)
})
