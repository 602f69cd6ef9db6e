/**
 * The page's side: an app on @waku/sdk as a browser runs it. The test bundles this file, opens it in Chromium and calls
 * what it puts on `globalThis.app`; only text passes between the two.
 */
import { createLightNode, type LightNode } from '@waku/sdk'

export interface JoinOptions {
  readonly address: string
  readonly clusterId: number
  readonly numShardsInCluster: number
  /** True where the app leaves out the SDK's own rule, which is to dial wss and nothing else. */
  readonly plainWebSocket: boolean
}

let client: LightNode
const received: string[] = []
let lastHash: Uint8Array = new Uint8Array()
let look = (): void => {}

/** Connects to a node and waits until its protocols are known. */
async function join({ address, clusterId, numShardsInCluster, plainWebSocket }: JoinOptions): Promise<void> {
  client = await createLightNode({
    networkConfig: { clusterId, numShardsInCluster },
    discovery: { dns: false, peerExchange: false, peerCache: false },
    libp2p: plainWebSocket ? { filterMultiaddrs: false } : {},
  })
  const identified = new Promise((resolve) => client.libp2p.addEventListener('peer:identify', resolve, { once: true }))
  await client.dial(address)
  await identified
}

/** Gives why the push failed; nothing when it did not. */
async function push(contentTopic: string, text: string): Promise<string[]> {
  const message = { payload: new TextEncoder().encode(text) }
  const { failures } = await client.lightPush.send(client.createEncoder({ contentTopic }), message, {
    autoRetry: false,
  })
  return failures.map(({ error }) => error)
}

function subscribe(contentTopic: string): Promise<boolean> {
  return client.filter.subscribe(client.createDecoder({ contentTopic }), ({ payload, hash }) => {
    received.push(new TextDecoder().decode(payload))
    lastHash = hash
    look()
  })
}

/** Settles when `count` messages have come. */
function until(count: number): Promise<string[]> {
  return new Promise((resolve) => {
    look = () => {
      if (received.length >= count) resolve(received)
    }
    look()
  })
}

/** What an app keeps over a reload: where the history goes on. */
function bookmark(): number[] {
  return [...lastHash]
}

/** What the node's store has, from a bookmark on if given. */
async function history(contentTopic: string, from?: readonly number[]): Promise<string[]> {
  const options = from === undefined ? {} : { paginationCursor: Uint8Array.from(from) }
  const found: string[] = []
  for await (const page of client.store.queryGenerator([client.createDecoder({ contentTopic })], options)) {
    for (const message of await Promise.all(page)) {
      if (message !== undefined) found.push(new TextDecoder().decode(message.payload))
    }
  }
  return found
}

const app = { join, push, subscribe, until, bookmark, history }

export type App = typeof app

Object.assign(globalThis, { app })
