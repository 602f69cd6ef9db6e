/** `waypost dns-tree`, as an operator runs it for a fleet. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { readZone, zoneFile } from '../../src/cli/commands/dns-tree-zone.ts'
import { enrToText } from '../../src/net/discovery/enr.ts'
import { readRecord } from '../../src/net/discovery/node-record.ts'
import { type Ended, waypost } from '../kit/cli.ts'
import { daemon } from '../kit/daemon.ts'
import { recordOf, records, treeOf } from '../kit/dns-tree.ts'
import { nameServer } from '../kit/name-server.ts'
import { needs } from '../kit/tools.ts'

interface Signed {
  readonly url: string
  readonly sequence: number
  readonly nodes: number
  readonly txt: Record<string, string>
}

const fleet = records(3).map(enrToText)

function run(t: Test, cwd: string, args: readonly string[], input?: string): Promise<Ended> {
  return waypost(t, ['dns-tree', ...args], { cwd, input })
}

async function sign(t: Test, cwd: string, args: readonly string[], input?: string): Promise<Signed> {
  const { code, stdout, stderr } = await run(
    t,
    cwd,
    ['sign', 'nodes.test', '--key-file=tree.key', '--new-key', '--json', ...args],
    input,
  )
  t.equal(code, 0, stderr)
  return JSON.parse(stdout) as Signed
}

t.test('a tree is signed with a new key, published, and found in order by a check', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const cwd = t.testdir()
  const link = treeOf({ records: [], domain: 'more.test' }).url
  const signed = await sign(t, cwd, [`--link=${link}`, ...fleet])
  const key = path.join(cwd, 'tree.key')
  t.equal(statSync(key).mode & 0o777, 0o600)
  t.notMatch(JSON.stringify(signed), readFileSync(key, 'utf8').trim(), 'the key is in its file and nowhere else')
  const server = await nameServer(t, dnsmasq, new Map(Object.entries(signed.txt)))
  const ask = ['check', signed.url, `--name-server=${server.address}`]
  const { code, stdout } = await run(t, cwd, [...ask, '--json'])
  t.equal(code, 0)
  const checked = JSON.parse(stdout)
  t.match(checked, { url: signed.url, sequence: 1, links: [link], troubles: [] })
  t.same(
    checked.nodes.map(({ peerId }: { peerId: string }) => peerId).sort(),
    records(3)
      .map((record) => readRecord(record).peerId.toString())
      .sort(),
  )
  t.match((await run(t, cwd, ask)).stdout, /sequence number 1, 3 nodes, 1 links\n/)
  const [name = ''] = Object.keys(signed.txt).slice(-1)
  await server.change(new Map(Object.entries(signed.txt)).set(name, 'enrtree-branch:'))
  const broken = await run(t, cwd, ask)
  t.equal(broken.code, 1)
  t.match(broken.stdout, `wrong: the entry at ${name}`)
  await server.stop()
  t.equal((await run(t, cwd, ask)).code, 69)
})

t.test('the sequence number grows when the tree changes, and never goes back', async (t) => {
  const cwd = t.testdir()
  t.equal((await sign(t, cwd, fleet)).sequence, 1)
  const again = await sign(t, cwd, fleet.toReversed())
  t.equal(again.sequence, 1, 'the same nodes, in whatever order, are the same tree')
  const fewer = await sign(t, cwd, fleet.slice(1))
  t.equal(fewer.sequence, 2)
  t.equal(fewer.url, again.url)
  t.equal((await sign(t, cwd, ['--sequence=40', ...fleet])).sequence, 40)
  t.equal((await sign(t, cwd, fleet.slice(1))).sequence, 41)
  const args = ['sign', 'nodes.test', '--key-file=tree.key', ...fleet]
  t.match(await run(t, cwd, [...args, '--sequence=40']), { code: 64, stderr: /40 is below 41/ })
  t.match(await run(t, cwd, [...args, '--sequence=x']), { code: 64 })
})

t.test('records come from a file, from standard input, and from nodes that run', async (t) => {
  const cwd = t.testdir({ 'fleet.txt': `# the fleet\n${fleet[0]}\n\n  ${fleet[1]} # second\n` })
  const { restUrl, enr } = await daemon(t, { flags: ['--rest=true'] })
  const signed = await sign(t, cwd, ['--from=fleet.txt', `--node=${restUrl}`])
  t.equal(signed.nodes, 3)
  t.ok(Object.values(signed.txt).includes(enr))
  t.equal((await sign(t, cwd, ['--from=-'], fleet.join('\n'))).nodes, 3)
})

t.test('a zone file is printed, and checked before it is published', async (t) => {
  const cwd = t.testdir()
  const { url } = await sign(t, cwd, fleet)
  const { stdout } = await run(t, cwd, ['sign', 'nodes.test', '--key-file=tree.key', ...fleet])
  t.match(stdout, `; ${url}\n`)
  t.match(stdout, /^\$ORIGIN nodes\.test\.$/m)
  t.match(stdout, /^@ +60 +IN TXT "enrtree-root:v1 /m)
  writeFileSync(path.join(cwd, 'zone'), stdout)
  t.equal((await run(t, cwd, ['check', url, '--file=zone'])).code, 0)
  writeFileSync(path.join(cwd, 'zone'), stdout.replace('seq=1', 'seq=2'))
  t.match(await run(t, cwd, ['check', url, '--file=zone']), { code: 65, stderr: /is not signed by the key in its URL/ })
})

t.test('what cannot be signed is refused with what to do', async (t) => {
  const cwd = t.testdir({ open: `${'2a'.repeat(32)}\n` })
  const args = (file: string, ...rest: readonly string[]) => ['sign', 'nodes.test', `--key-file=${file}`, ...rest]
  t.match(await run(t, cwd, args('none', ...fleet)), { code: 66, stderr: /--new-key makes one/ })
  t.match(await run(t, cwd, args('open', ...fleet)), { code: 77, stderr: /chmod 600/ })
  t.match(await run(t, cwd, args('tree.key', '--new-key')), { code: 64, stderr: /no node records/ })
  t.match(await run(t, cwd, args('tree.key', '--new-key', 'enr:abc')), { code: 65 })
  t.match(await run(t, cwd, args('tree.key', '--new-key', '--from=nowhere')), { code: 66 })
  t.match(await run(t, cwd, ['check', 'enrtree://nonsense']), { code: 65 })
})

t.test('zone files are read as name servers read them', async (t) => {
  const { zone } = treeOf({ records: [recordOf(1), recordOf(2)] })
  const read = readZone(zoneFile('nodes.test', zone), 'elsewhere.test')
  t.same(
    [...read],
    Array.from(zone, ([name, text]) => [name.toLowerCase(), [text]]),
  )
  t.same(readZone(JSON.stringify({ txt: Object.fromEntries(zone) }), 'nodes.test'), read)
  t.same(readZone(JSON.stringify(Object.fromEntries(zone)), 'nodes.test'), read)
  const text = [
    '$TTL 60',
    '@ IN SOA ns hostmaster ( 1 2 ; three',
    ' 4 5 6 )',
    ' TXT a "b; c" ; d',
    'X 60 TXT (',
    '"1"',
    '"2" )',
    'Y.other. A 1.2.3.4',
  ]
  t.same(
    [...readZone(text.join('\n'), 'nodes.test')],
    [
      ['nodes.test', ['ab; c']],
      ['x.nodes.test', ['12']],
    ],
  )
  for (const wrong of ['{', '{"a":1}', '{"txt":{"a":[]}}', 'a TXT "b'])
    t.throws(() => readZone(wrong, 'n'), { code: 'cli/bad-zone' })
})
