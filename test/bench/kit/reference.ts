/**
 * A relay of stock parts in their default settings, in a process of its own: what ours is measured against.
 *
 * Only what keeps it from working here is set: messages are not signed, and peers of one address may be many. It relays
 * one topic, and publishes there what it is asked to on another.
 */
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'

const [topic = '', askTopic = ''] = process.argv.slice(2)

const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionManager: { inboundConnectionThreshold: Number.POSITIVE_INFINITY },
  services: {
    identify: identify(),
    ping: ping(),
    pubsub: gossipsub({ globalSignaturePolicy: 'StrictNoSign', scoreParams: { IPColocationFactorWeight: 0 } }),
  },
})
const { pubsub } = node.services
pubsub.subscribe(topic)
pubsub.subscribe(askTopic)
pubsub.addEventListener('message', ({ detail: { topic: from, data } }) => {
  // One byte less, since a message of the same bytes would be the same message.
  if (from === askTopic) void pubsub.publish(topic, data.subarray(1))
})
process.send?.(node.getMultiaddrs().map(String))
process.on('disconnect', () => void node.stop())
