/**
 * The archive in a node, over the network. A page as a client gets it, and the same page by a call of the archive, one
 * after the other. Then relay and filter at a steady rate, with and without clients who page through history.
 */
import { cp, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { StoreClient } from '../../../../src/protocols/store/client.ts'
import { host } from '../../../kit/host.ts'
import { Bench } from '../../kit/bench.ts'
import { pin } from '../../kit/process.ts'
import { type Subject, waypost as startWaypost } from '../../kit/subject.ts'
import { waypost } from '../archives.ts'
import { Crowd, type Crowded } from '../crowd.ts'
import { History } from '../history.ts'
import { denseTopic } from '../messages.ts'
import { type Keeper, pageMessages } from '../subject.ts'
import { answer, type Spread, spreadOf, type Task } from '../task.ts'

const pages = 400
const warming = 50

export interface Networked {
  readonly overNetwork: Spread
  readonly byCall: Spread
  readonly crowded: Crowded
}

await answer(async (task): Promise<Networked> => {
  pin(process.pid, 1)
  await using bench = new Bench()
  const { messages } = task.present.stretch
  // A node that deletes would not have what is asked for.
  const retention = `--store-message-retention-policy=capacity:${10 * messages}`
  const dataDir = path.join(bench.testdirName, 'data')
  await mkdir(dataDir)
  await cp(path.join(task.folder, 'archive'), path.join(dataDir, 'archive'), { recursive: true })
  const flags = ['--store=true', '--filter=true', '--rate-limit=0/1s', retention]
  const subject = await startWaypost(bench, { flags, dataDir, watchesLoop: true })
  const keeper = await waypost.open(task.folder, messages)
  const times = await pageByPage(bench, subject, keeper, task)
  await keeper.close()
  return { ...times, crowded: await new Crowd(bench, subject).measure() }
})

async function pageByPage(bench: Bench, { address }: Subject, keeper: Keeper, { present }: Task) {
  const { libp2p } = await host(bench)
  const { remotePeer } = await libp2p.dial(address)
  const client = new StoreClient({ libp2p })
  const [network, call]: [number[], number[]] = [[], []]
  using history = new History(present)
  for (let round = -warming; round < pages; round += 1) {
    const query = { contentTopics: [denseTopic()], start: history.someTime() }
    const asked = { ...query, direction: 'forward', limit: pageMessages, includeData: true } as const
    const [begin, { messages }] = [performance.now(), await client.query(remotePeer, asked)]
    const between = performance.now()
    const count = await keeper.page(query)
    const called = performance.now() - between
    // Either ends a page early when it takes long.
    if (round < 0 || count !== messages.length) continue
    network.push(between - begin)
    call.push(called)
  }
  return { overNetwork: spreadOf(network), byCall: spreadOf(call) }
}
