/**
 * Clients that page through history as fast as they get it, each over a connection of its own, in a process of its own:
 * `walkers.js <address> <clients>`. Told `walk` they begin, told `rest` they say how many pages they got, and in which time.
 */
import { setPriority } from 'node:os'
import { multiaddr } from '@multiformats/multiaddr'
import { StoreClient } from '../../../../src/protocols/store/client.ts'
import { host } from '../../../kit/host.ts'
import { Bench } from '../../kit/bench.ts'
import { denseTopic } from '../messages.ts'
import { pageMessages } from '../subject.ts'

const [address = '', clients = '0'] = process.argv.slice(2)
// Those who measure share the core with them, and go first.
setPriority(10)

await using bench = new Bench()
const walkers: (() => Promise<void>)[] = []
while (walkers.length < Number(clients)) walkers.push(await walker())
let [isWalking, times]: [boolean, number[]] = [false, []]
let walks: Promise<unknown> = Promise.resolve()
const commands: Readonly<Record<string, () => void>> = { walk, rest: () => void rest() }
process.on('message', (command) => commands[String(command)]?.())
process.send?.('ready')
await new Promise((resolve) => process.once('disconnect', resolve))

function walk(): void {
  isWalking = true
  times = []
  walks = Promise.all(walkers.map((page) => page()))
}

async function rest(): Promise<void> {
  isWalking = false
  await walks
  process.send?.({ times })
}

/** Somebody with a connection, who pages through one content topic after the other. */
async function walker(): Promise<() => Promise<void>> {
  const { libp2p } = await host(bench)
  const { remotePeer } = await libp2p.dial(multiaddr(address))
  const client = new StoreClient({ libp2p })
  return async () => {
    let cursor: string | undefined
    let contentTopics = [denseTopic()]
    while (isWalking) {
      const start = performance.now()
      const query = { contentTopics, cursor, direction: 'forward', limit: pageMessages, includeData: true } as const
      const page = await client.query(remotePeer, query)
      times.push(performance.now() - start)
      cursor = page.cursor
      if (cursor === undefined) contentTopics = [denseTopic()]
    }
  }
}
