import t from 'tap'
import { toNanoseconds } from '../../src/core/time.ts'
import type { WaypostNode } from '../../src/node/node.ts'
import { ask, startedNode } from '../kit/rest.ts'

const flags = [
  '--relay=true',
  '--store=true',
  '--store-sync=true',
  '--store-sync-interval=1',
  '--store-sync-relay-jitter=0',
  '--rest-admin=true',
]

async function hashes(node: WaypostNode): Promise<string[]> {
  const { text } = await ask(node, 'GET', '/store/v3/messages?pageSize=100')
  return (JSON.parse(text) as { messages: { messageHash: string }[] }).messages.map(({ messageHash }) => messageHash)
}

t.test('stores that lost messages while they were apart have all of them once they meet', async (t) => {
  const root = t.testdir()
  const nodes = await Promise.all([0, 1, 2].map((number) => startedNode(t, `${root}/${number}`, flags)))
  // Each of sixty messages reaches two of the three, or one.
  for (let number = 0; number < 60; number += 1) {
    const timestamp = toNanoseconds(Date.now())
    const body = `{"payload":"${Buffer.from(`${number}`).toString('base64')}","contentTopic":"/a/1/sync/proto","timestamp":${timestamp}}`
    const reached = nodes.filter((_, index) => index === number % 3 || (index === (number + 1) % 3 && number % 2 === 0))
    for (const node of reached) await ask(node, 'POST', '/relay/v1/auto/messages', { raw: body })
  }
  for (const node of nodes) t.equal((await hashes(node)).length, 30, 'each has half of them')

  const [a, b, c] = nodes as [WaypostNode, WaypostNode, WaypostNode]
  const dial = async (from: WaypostNode, to: WaypostNode) =>
    t.equal((await ask(from, 'POST', '/admin/v1/peers', { body: [to.addresses[0]] })).status, 200)
  await dial(a, b)
  await dial(b, c)
  const complete = async (node: WaypostNode) => {
    for (;;) {
      const some = await hashes(node)
      if (some.length === 60) return some
    }
  }
  const all = await Promise.all(nodes.map(complete))
  t.same(all[0], all[1])
  t.same(all[1], all[2])
})
