/** Peers around a subject: hosts of our library in this process, with a connection to the subject and to nobody else. */
import { type Envelope, sealEnvelope } from '../../../src/core/envelope.ts'
import { defaultMaxMessageBytes } from '../../../src/core/message.ts'
import { toNanoseconds } from '../../../src/core/time.ts'
import { FilterClient } from '../../../src/protocols/filter/client.ts'
import { push } from '../../../src/protocols/lightpush/client.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { host } from '../../kit/host.ts'
import { type RelayNode, relayNode } from '../../kit/relay.ts'
import type { Bench } from './bench.ts'
import { askTopic, type Subject, topic } from './subject.ts'

export const contentTopic = '/bench/1/relay/proto'

/** Hands a payload to the subject, as a message of now. What gets lost does not come back, and is counted there. */
export type Send = (payload: Uint8Array) => void

/** Takes the payload of a message that comes. */
export type Receive = (payload: Uint8Array) => void

/** A relay peer that follows the topic, so that the subject sends it what others publish. */
export async function relayPeer(bench: Bench, subject: Subject, receive: Receive): Promise<void> {
  const node = await relayNode(bench, { topics: [topic], deliver: ({ message }) => receive(message.payload) })
  node.relay.subscribe(topic)
  await node.host.libp2p.dial(subject.address)
  await follows(subject, topic, node)
}

/** A light client that the subject pushes to. */
export async function filterClient(bench: Bench, subject: Subject, receive: Receive): Promise<void> {
  const { libp2p } = await host(bench)
  const client = await FilterClient.open({
    libp2p,
    maxMessageBytes: defaultMaxMessageBytes,
    log: silentLog(),
    receive: ({ message }) => receive(message.payload),
  })
  const { remotePeer } = await libp2p.dial(subject.address)
  await client.subscribe(remotePeer, topic, [contentTopic])
}

/** A relay peer that publishes and follows nothing, so that all of the subject's mesh is for others. */
export async function byRelay(bench: Bench, subject: Subject): Promise<Send> {
  const { relay } = await publisher(bench, subject, topic)
  return (payload) => void relay.publish(envelopeOf(payload)).catch(() => {})
}

/** A client that has the daemon publish to all who follow the topic. */
export async function byLightPush(bench: Bench, subject: Subject): Promise<Send> {
  const { libp2p } = await host(bench)
  const { remotePeer } = await libp2p.dial(subject.address)
  return (payload) => void push(libp2p, remotePeer, envelopeOf(payload).bytes, topic).catch(() => {})
}

/** The same of the reference, which knows no light push. */
export async function byAsking(bench: Bench, subject: Subject): Promise<Send> {
  const { host } = await publisher(bench, subject, askTopic)
  const { relay: router } = host.libp2p.services
  return (payload) => {
    const { bytes } = envelopeOf(payload)
    Promise.resolve(router.publish(askTopic, Buffer.concat([Buffer.alloc(1), bytes]))).catch(() => {})
  }
}

async function publisher(bench: Bench, subject: Subject, on: string): Promise<RelayNode> {
  const node = await relayNode(bench, { topics: [on], deliver: () => {} })
  await node.host.libp2p.dial(subject.address)
  await follows(subject, on, node)
  return node
}

/** A message of now around `payload`. */
export function envelopeOf(payload: Uint8Array, on = contentTopic): Envelope {
  const now = Date.now()
  return sealEnvelope(topic, { payload, contentTopic: on, timestamp: toNanoseconds(now) }, now)
}

/** Settles when `node` knows that the subject follows a topic; the subject has learnt of the node by then. */
function follows({ peerId }: Subject, on: string, { relay, host }: RelayNode): Promise<void> {
  const { relay: router } = host.libp2p.services
  return new Promise((resolve) => {
    const look = (): void => {
      if (!relay.subscribers(on).includes(peerId)) return
      listening[Symbol.dispose]()
      resolve()
    }
    const listening = router.on('subscription', look)
    look()
  })
}
