/** A client leaves, messages pass, it comes back: it gets exactly what it missed, even from a node that was killed. */
import type { LightNode } from '@waku/sdk'
import t from 'tap'
import type { Daemon } from '../kit/daemon.ts'
import { clientOf, Inbox, join, pages, parted, textOf } from '../kit/sdk.ts'
import { neighbour, networkDaemon, relaying, twins } from '../kit/twins.ts'

const contentTopic = '/waypost/1/return/proto'

/** Pushes `texts`, one after the other, and gives those that were acknowledged. */
async function sendAll(client: LightNode, texts: readonly string[]): Promise<string[]> {
  const encoder = client.createEncoder({ contentTopic })
  const acknowledged: string[] = []
  for (const text of texts) {
    const { successes } = await client.lightPush.send(encoder, { payload: Buffer.from(text) }, { autoRetry: false })
    if (successes.length > 0) acknowledged.push(text)
  }
  return acknowledged
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index}`)
}

t.test('a client that was away gets exactly the 50 messages that it missed', async (t) => {
  const [node] = await twins(t)
  const reader = await clientOf(t, node)
  const writer = await clientOf(t, node)
  const inbox = new Inbox(reader)
  await inbox.subscribe([contentTopic])
  await sendAll(writer, ['seen before'])
  const [last] = await inbox.until(1)
  await reader.stop()
  t.same(await sendAll(writer, numbered('missed', 50)), numbered('missed', 50))

  const returned = await clientOf(t, node)
  const again = new Inbox(returned)
  await again.subscribe([contentTopic])
  const paginationCursor = returned.store.createCursor(last!)
  const missed = await pages(returned, returned.createDecoder({ contentTopic }), { paginationCursor })
  t.same(missed.flat().map(textOf), numbered('missed', 50))
  await sendAll(writer, ['seen after'])
  t.same((await again.until(1)).map(textOf), ['seen after'])
})

t.test('a killed node has all that it acknowledged when it is back, and its client finds it there', async (t) => {
  const dataDir = `${t.testdir()}/killed`
  const node = await networkDaemon(t, { dataDir })
  const peer = await neighbour(t, node)
  const reader = await clientOf(t, node)
  const writer = await clientOf(t, node)
  const gone = [parted(reader, node), parted(writer, node)]
  const acknowledged = await sendUntilKilled(writer, node)
  await Promise.all(gone)

  const back = await networkDaemon(t, { dataDir, flags: [`--staticnode=${peer.tcp}`] })
  t.equal(back.peerId, node.peerId)
  await Promise.all([join(reader, back), join(writer, back)])
  const found = (await pages(reader, reader.createDecoder({ contentTopic }), { paginationLimit: 100 }))
    .flat()
    .map(textOf)
  t.ok(acknowledged.length >= pushesBeforeKill)
  t.same(
    acknowledged.filter((text) => !found.includes(text)),
    [],
  )
  t.equal(new Set(found).size, found.length, 'none twice')

  const inbox = new Inbox(reader)
  await inbox.subscribe([contentTopic])
  await relaying(t, back)
  t.same(await sendAll(writer, ['as before']), ['as before'])
  t.same((await inbox.until(1)).map(textOf), ['as before'])
})

const pushesBeforeKill = 100

/** Pushes several at a time until `node` is killed in the middle of it; gives what was acknowledged. */
async function sendUntilKilled(writer: LightNode, node: Daemon): Promise<string[]> {
  const acknowledged: string[] = []
  let killed: Promise<unknown> | undefined
  const worker = async (name: string): Promise<void> => {
    for (let index = 0; killed === undefined; index++) {
      acknowledged.push(...(await sendAll(writer, [`${name} ${index}`])))
      if (acknowledged.length >= pushesBeforeKill) killed ??= node.stop('SIGKILL')
    }
  }
  await Promise.all(['north', 'east', 'south', 'west'].map(worker))
  await killed
  return acknowledged
}
