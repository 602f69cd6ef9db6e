/** A device of a person as a process, which `person.ts` starts, asks, and kills. */
import { once } from 'node:events'
import { promisify } from 'node:util'
import { connect } from '../../src/client/client.ts'
import { isWaypostError, messageOf, WaypostError } from '../../src/core/errors.ts'
import { open } from '../../src/messaging/messenger/messenger.ts'
import { statusMaxMessageBytes } from '../../src/messaging/segmentation/split.ts'
import { lightCost } from '../messaging/messenger/kit.ts'
import { Disorder, type Trouble } from './disorder.ts'
import type { Asked, Calls, Start, Told } from './person.ts'

const say = promisify((told: Told, done: (error: Error | null) => void) => process.send?.(told, done))

const [start] = (await once(process, 'message')) as [Start]
const { folder, password, nodes, isCalm } = start
const client = await connect({ nodes, maxMessageBytes: statusMaxMessageBytes, keptIsEnough: true })
const network = new Disorder({
  network: client,
  made: (trouble: Trouble) => void say({ trouble }),
  refusal: () => new WaypostError('messaging/no-network', { why: 'it says so' }),
})
network.isCalm = isCalm
const fail = (error: unknown): void => {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exit(1)
}
const me = await open({ folder, password, network, cost: lightCost, onFailure: fail, onSkipped: fail })

const calls: Calls = {
  id: async () => me.id,
  ask: async (id) => void (await me.requestContact(id, 'it is me')),
  accept: (id) => me.acceptContact(id),
  contacts: async () => (await me.contacts()).filter(({ state }) => state === 'contact').map(({ id }) => id),
  asking: async () => (await me.contacts()).filter(({ state }) => state === 'asks us').map(({ id }) => id),
  begin: (name, members) => me.createGroup(name, members),
  chats: async () => (await me.chats()).map(({ id }) => id),
  send: (chat, text) => me.send(chat, text),
  async calm(isCalm) {
    network.isCalm = isCalm
  },
  fetch: () => me.fetch(),
  async history(chat) {
    const found = []
    for await (const { id, from, text, kind, status } of me.history(chat, { limit: Number.MAX_SAFE_INTEGER }))
      if (kind === 'text') found.push({ id, from, text, status })
    return found
  },
}

async function answer({ number, call, args }: Asked): Promise<void> {
  try {
    const work = calls[call] as (...args: unknown[]) => Promise<unknown>
    await say({ number, result: await work(...args) })
  } catch (error) {
    await say({ number, code: isWaypostError(error) ? error.code : '', why: messageOf(error) })
  }
}

process.on('message', (asked: Asked) => void answer(asked))
await say({ isReady: true })
// The next is not asked for before the one that was handed out is with the test: a kill repeats it, and loses none.
for await (const { id, text, kind } of me.messages()) if (kind === 'text') await say({ heard: { id, text } })
