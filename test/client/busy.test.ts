/** Nodes that take one request in each second, as go-waku does: filter and light push of version 2, by their real services. */
import t, { type Test } from 'tap'
import { openEnvelope } from '../../src/core/envelope.ts'
import type { Published, Publisher } from '../../src/core/publisher.ts'
import { serveExchange } from '../../src/net/exchange.ts'
import type { Host } from '../../src/net/host.ts'
import { Quota } from '../../src/net/quota.ts'
import { type Filter, filter } from '../../src/protocols/filter/index.ts'
import { defaultFilterSettings } from '../../src/protocols/filter/limits.ts'
import { legacyLightPushService } from '../../src/protocols/lightpush/legacy-service.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { host } from '../kit/host.ts'
import { testNetwork } from '../kit/sdk.ts'
import { until } from '../kit/until.ts'
import { clientOf, pubsubTopic, textMessage, textOf } from './kit.ts'

const contentTopic = '/waypost/1/busy/proto'
const anotherPubsubTopic = `/waku/2/rs/${testNetwork.clusterId}/1`

/** One request of one peer in a second, and no store of them. */
function slow(): Quota {
  const once = { volume: 1, period: 1000 }
  return new Quota({ perPeer: once, total: { volume: 100, period: 1000 } })
}

/** Relays all it is given to nobody, and remembers it. */
class Taker implements Publisher {
  readonly texts: string[] = []

  async publish(bytes: Uint8Array, topic: string | undefined): Promise<Published> {
    const envelope = openEnvelope(topic ?? pubsubTopic, bytes, 0)
    this.texts.push(textOf({ pubsubTopic, message: envelope.message }))
    return { outcome: 'relayed', peers: 1, envelope }
  }
}

interface Slow {
  readonly address: string
  readonly filter: Filter
  readonly taker: Taker
}

async function slowNode(t: Test): Promise<Slow> {
  const taker = new Taker()
  const metrics = createMetrics()
  const log = silentLog()
  const mounted = Promise.withResolvers<Filter>()
  const mount = async ({ libp2p }: Host): Promise<void> => {
    mounted.resolve(await filter({ libp2p, settings: defaultFilterSettings, metrics, log, quota: slow() }))
    const service = legacyLightPushService({ publisher: taker, maxMessageBytes: 150 * 1024, metrics })
    await serveExchange(service, { libp2p, quota: slow(), metrics, log })
  }
  const made = await host(t, { mount })
  const service = await mounted.promise
  t.teardown(() => service[Symbol.asyncDispose]())
  return { address: String(made.addresses()[0]), filter: service, taker }
}

function heldBy({ filter }: Slow): readonly string[] {
  const criteria = [...filter.subscriptions()].flatMap(({ criteria }) => [...criteria])
  return criteria.map(({ pubsubTopic, contentTopic }) => `${pubsubTopic} ${contentTopic}`).toSorted()
}

t.test('what a node was asked for too soon it is asked for later, and keeps what it took', async (t) => {
  const node = await slowNode(t)
  const client = await clientOf(t, [node.address])
  const [one, another] = [pubsubTopic, anotherPubsubTopic].map((topic) => ({
    pubsubTopic: topic,
    contentTopics: [contentTopic],
  }))
  client.follow([one!, another!])
  await until(() => heldBy(node).length === 2)
  client.follow([another!])
  await until(() => heldBy(node).length === 1)
  t.same(heldBy(node), [`${anotherPubsubTopic} ${contentTopic}`])
})

t.test('messages that come faster than a node takes them are all published, in their order', async (t) => {
  const node = await slowNode(t)
  const client = await clientOf(t, [node.address])
  const texts = ['first', 'second', 'third']
  for (const text of texts) await client.publish(pubsubTopic, textMessage(text, contentTopic))
  t.same(node.taker.texts, texts)
})
