/**
 * Who operates some of the relays, and how well he tells who talks to whom. The numbers are printed, and stand in
 * docs/security.md: nothing here says that they are small.
 */
import { randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import { keyOfUser } from '../../../src/messaging/keys.ts'
import { publishEvery } from '../../../src/messaging/messenger/publication.ts'
import type { Network, NetworkEvents, Topics } from '../../../src/messaging/network.ts'
import { contactCodeChannel, personalChannel } from '../../../src/messaging/topics.ts'
import { until } from '../../kit/until.ts'
import { befriend, type Device, device, type End, TestNetwork } from '../messenger/kit.ts'
import { type Followed, type Happened, type Round, type Scores, scoresOf } from './linkability.ts'
import { tells } from './meeting.ts'

const relays = 4
const people = 8

type Pushed = Omit<Happened, 'conversation'>

/** What happened at all relays. */
class Recording {
  readonly network = new TestNetwork()
  readonly pushed: Pushed[] = []
  readonly followed: Followed[] = []
  /** Milliseconds by which the clocks of all are ahead of the time. */
  ahead = 0
}

/** A client of one relay: pushes its messages there, and has it filter. */
class Client implements Network {
  readonly #recording: Recording
  readonly #end: End
  readonly #is: { readonly host: string; readonly relay: number }

  constructor(recording: Recording, is: { host: string; relay: number }) {
    this.#recording = recording
    this.#end = recording.network.end()
    this.#is = is
  }

  listen(events: NetworkEvents): void {
    this.#end.listen(events)
  }

  follow(topics: readonly Topics[]): void {
    this.#end.follow(topics)
    for (const { contentTopics } of topics)
      for (const topic of contentTopics) this.#recording.followed.push({ ...this.#is, topic })
  }

  async publish(pubsubTopic: string, encoded: Uint8Array): Promise<void> {
    const index = this.#recording.network.carried.length
    await this.#end.publish(pubsubTopic, encoded)
    const topic = this.#recording.network.carried[index]?.message.contentTopic ?? ''
    this.#recording.pushed.push({ ...this.#is, topic, size: encoded.length, at: performance.now() })
  }

  query(...asked: Parameters<End['query']>) {
    return this.#end.query(...asked)
  }
}

interface Player {
  readonly host: string
  readonly device: Device
  readonly contactCode: string
  readonly personal: string
}

async function player(t: Test, recording: Recording, index: number): Promise<Player> {
  const host = `host ${index}`
  const network = new Client(recording, { host, relay: index % relays })
  const made = await device(t, recording.network, { network, clock: () => Date.now() + recording.ahead })
  const key = keyOfUser(made.me.id)
  const { contentTopic: contactCode } = contactCodeChannel(key)
  const { contentTopic: personal } = personalChannel(key)
  await until(() => recording.pushed.some(({ topic }) => topic === contactCode))
  return { host, device: made, contactCode, personal }
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const left = [...items]
  return items.flatMap(() => left.splice(randomInt(left.length), 1))
}

/** Becomes contacts, and talks. */
async function converse(one: Device, other: Device): Promise<void> {
  await befriend(one, other)
  for (const text of ['one', 'two', 'three']) {
    await tells(one, other, text)
    await tells(other, one, `${text} too`)
  }
}

/** Half of the people come back later, when they publish their prekeys again. */
async function comeBack(recording: Recording, players: readonly Player[]) {
  for (const { device } of players) await device.stop()
  recording.ahead = publishEvery
  const from = recording.pushed.length
  const back = shuffled(players).slice(0, people / 2)
  for (const { device } of back) await device.start()
  const topics = () => new Set(recording.pushed.slice(from).map(({ topic }) => topic))
  await until(() => back.every(({ contactCode }) => topics().has(contactCode)))
  return { online: new Set(back.map(({ host }) => host)), topics: topics() }
}

async function play(t: Test): Promise<Round> {
  const recording = new Recording()
  const players = await Promise.all(Array.from({ length: people }, (_, index) => player(t, recording, index)))
  const order = shuffled(players)
  const pairs = Array.from({ length: people / 2 }, (_, index) => order.slice(2 * index, 2 * index + 2))
  await Promise.all(pairs.map(([one, other]) => converse(one!.device, other!.device)))
  const contactCodes = new Map(players.map(({ host, contactCode }) => [host, contactCode]))
  const published = new Set(contactCodes.values())
  const pairOf = (host: string) => pairs.findIndex((pair) => pair.some((one) => one.host === host))
  const messages = recording.pushed.map((one) => ({
    ...one,
    conversation: published.has(one.topic) ? undefined : pairOf(one.host),
  }))
  const followed = [...recording.followed]
  const personal = new Map(players.map(({ host, personal }) => [host, personal]))
  const later = await comeBack(recording, players)
  return { hosts: players.map(({ host }) => host), messages, followed, contactCodes, personal, later }
}

function numbers({ conversation, sender, presence, hostOfKey }: Scores): string {
  const ways = Object.entries(conversation).map(([way, advantage]) => `${way} ${advantage.toFixed(2)}`)
  const rest = { sender, presence, 'host of a known key': hostOfKey }
  const others = Object.entries(rest).map(([what, advantage]) => `${what} ${advantage.toFixed(2)}`)
  return `same conversation by ${ways.join(', ')}; ${others.join('; ')}`
}

function first(count: number): ReadonlySet<number> {
  return new Set(Array.from({ length: count }, (_, index) => index))
}

t.test('the operator of one, two or all of four relays: his advantage is measured', async (t) => {
  const round = await play(t)
  t.ok(new Set(round.messages.map(({ conversation }) => conversation)).size === 1 + people / 2)
  for (const count of [1, 2, relays]) {
    const scores = scoresOf(round, first(count))
    t.comment(`${count} of ${relays} relays: ${numbers(scores)}`)
    const all = [...Object.values(scores.conversation), scores.sender, scores.presence, scores.hostOfKey]
    for (const advantage of all) t.ok(advantage >= -1 && advantage <= 1)
  }
})

/** Traffic made up: four hosts, two conversations, each host says three things. */
function madeUp(topicOf: (host: number) => string, relayOf: (host: number) => number): Round {
  const hosts = [0, 1, 2, 3]
  const name = (host: number) => `host ${host}`
  const byName = (of: (host: number) => string) => new Map(hosts.map((host) => [name(host), of(host)]))
  const messages = hosts.flatMap((host) =>
    [0, 1, 2].map((time) => ({
      topic: topicOf(host),
      size: 540,
      at: time,
      host: name(host),
      relay: relayOf(host),
      conversation: host % 2,
    })),
  )
  const followed = hosts.map((host) => ({ host: name(host), relay: relayOf(host), topic: `of ${host}` }))
  return {
    hosts: hosts.map(name),
    messages,
    followed,
    contactCodes: byName((host) => `code of ${host}`),
    personal: byName((host) => `of ${host}`),
    later: { online: new Set(['host 0', 'host 1']), topics: new Set() },
  }
}

t.test('control: a topic for each conversation, at relays of his, is measured as certainty', async (t) => {
  const round = madeUp(
    (host) => `conversation ${host % 2}`,
    () => 0,
  )
  const later = { ...round.later, topics: new Set(['code of 0', 'code of 1']) }
  const { conversation, ...rest } = scoresOf({ ...round, later }, new Set([0]))
  t.equal(conversation.topic, 1)
  t.same(rest, { sender: 1, presence: 1, hostOfKey: 1 })
})

t.test(
  'control: one topic, one size and one moment for all, at relays of others, is measured as no advantage',
  async (t) => {
    const { conversation, ...rest } = scoresOf(
      madeUp(
        () => 'all',
        () => 1,
      ),
      new Set([0]),
    )
    t.same(conversation, { topic: 0, host: 0, 'topic or host': 0, time: 0, size: 0 })
    t.same(rest, { sender: 0, presence: 0, hostOfKey: 0 })
  },
)

t.test('control: a topic for each host tells a part, and is measured as that part', async (t) => {
  const round = madeUp(
    (host) => `of ${host}`,
    () => 1,
  )
  // Of the 30 pairs of messages in a conversation 12 are of one host; of the 36 others none.
  t.equal(scoresOf(round, new Set([0])).conversation.topic, 12 / 30)
})
