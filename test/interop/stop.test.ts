/** How a node goes away while clients are connected. */
import { once } from 'node:events'
import t from 'tap'
import { clientOf, Inbox, parted } from '../kit/sdk.ts'
import { networkDaemon } from '../kit/twins.ts'

const contentTopic = '/waypost/1/stop/proto'

t.test('SIGTERM resets streams, so that a client sees at once that we are gone, and the process ends', async (t) => {
  const node = await networkDaemon(t)
  const client = await clientOf(t, node)
  await new Inbox(client).subscribe([contentTopic])
  // What the SDK has below it is libp2p 2, whose streams are read like this.
  const idle = (await client.dial(node.ws)) as unknown as { source: AsyncIterable<unknown> }
  const reset = t.rejects(read(idle.source), { name: /StreamResetError|StreamAbortedError/ })
  const gone = parted(client, node)
  const code = node.stop('SIGTERM')
  await Promise.all([reset, gone])
  t.equal(await code, 0, 'by itself: when it has to be ended, after 9.5 seconds, the code is another')
})

async function read(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

t.test('SIGINT ends it as SIGTERM does', async (t) => {
  const node = await networkDaemon(t)
  t.equal(await node.stop('SIGINT'), 0)
})

t.test('a second signal ends the process at once', async (t) => {
  const node = await networkDaemon(t)
  await clientOf(t, node)
  const exit = once(node.process, 'exit')
  node.process.kill('SIGTERM')
  node.process.kill('SIGINT')
  t.not((await exit)[0], 0, 'which is no orderly end')
})
