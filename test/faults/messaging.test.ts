/**
 * Five people talk, each with each and in groups, over two daemons, while messages are lost, repeated, late and missing from
 * stores, and people and daemons are killed and come again: at the end each message stands once with each whom it was for, and
 * with nobody else.
 *
 * `MESSAGES` says how many they say at least; 150 unless it is set.
 */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Daemon, daemon } from '../kit/daemon.ts'
import { freePort } from '../kit/free-port.ts'
import { until } from '../kit/until.ts'
import { troubles } from './disorder.ts'
import { Killed, Person } from './person.ts'

const messages = Number(process.env.MESSAGES ?? 150)
const kills = Math.max(6, Math.round(messages / 40))

/** Milliseconds between two messages of a person, and that somebody who was killed stays away, at the most. */
const [pace, absence] = [900, 1500]

/** Milliseconds between two looks whether all has come. */
const between = 1000

t.setTimeout(300_000 + messages * 1000)

/** A daemon that keeps its address when it comes again. */
class Node {
  readonly #t: Test
  readonly #flags: readonly string[]
  readonly #dataDir: string
  #daemon: Promise<Daemon>
  kills = 0

  constructor(t: Test, name: string, flags: readonly string[]) {
    this.#t = t
    this.#flags = ['--cluster-id=16', '--num-shards-in-network=0', '--shard=32', '--shard=64', ...flags]
    this.#dataDir = path.join(t.testdirName, name)
    this.#daemon = this.#start()
  }

  #start(): Promise<Daemon> {
    return daemon(this.#t, { flags: [...this.#flags, '--max-msg-size=1MiB'], dataDir: this.#dataDir })
  }

  async address(): Promise<string> {
    return (await this.#daemon).tcp
  }

  /** Kills it, and starts it anew; `isEmptied`: without what it had stored. */
  async kill(isEmptied: boolean): Promise<void> {
    this.kills += 1
    await (await this.#daemon).stop('SIGKILL')
    if (isEmptied) await rm(path.join(this.#dataDir, 'store'), { recursive: true, force: true })
    this.#daemon = this.#start()
    await this.#daemon
  }
}

async function network(t: Test): Promise<[Node, Node]> {
  const one = new Node(t, 'node-1', [`--tcp-port=${await freePort()}`])
  const other = new Node(t, 'node-2', [`--tcp-port=${await freePort()}`, `--staticnode=${await one.address()}`])
  await other.address()
  return [one, other]
}

/** Somewhere to talk: what each who is there calls it. */
type Place = ReadonlyMap<Person, string>

/** All know each other, and are in groups of three, four and five. */
async function acquaint(people: readonly Person[]): Promise<Place[]> {
  const ids = new Map<Person, string>()
  for (const person of people) ids.set(person, await person.ask('id'))
  const idOf = (person: Person): string => ids.get(person)!
  const places: Place[] = []
  for (const [index, one] of people.entries())
    for (const other of people.slice(index + 1)) {
      await one.ask('ask', idOf(other))
      await until(async () => (await other.ask('asking')).includes(idOf(one)))
      await other.ask('accept', idOf(one))
      await until(async () => (await one.ask('contacts')).includes(idOf(other)))
      places.push(
        new Map([
          [one, idOf(other)],
          [other, idOf(one)],
        ]),
      )
    }
  for (const size of [3, 4, 5]) {
    const members = people.slice(-size)
    const group = await members[0]!.ask('begin', `the ${size}`, members.slice(1).map(idOf))
    for (const member of members) await until(async () => (await member.ask('chats')).includes(group))
    places.push(new Map(members.map((member) => [member, group])))
  }
  return places
}

function anyOf<One>(all: readonly One[]): One {
  return all[Math.floor(Math.random() * all.length)]!
}

class Talk {
  readonly places: readonly Place[]
  readonly people: readonly Person[]
  /** Texts that a device took, and where. */
  readonly taken: { readonly place: Place; readonly from: Person; readonly text: string }[] = []
  /** The device was killed before it answered: it may have taken the text. */
  readonly unsure: typeof this.taken = []
  begun = 0
  isOver = false

  constructor(people: readonly Person[], places: readonly Place[]) {
    this.people = people
    this.places = places
  }

  /** One person says what comes to mind, until it is over. */
  async speak(from: Person): Promise<void> {
    const places = this.places.filter((place) => place.has(from))
    while (!this.isOver) {
      this.begun += 1
      await this.#say(from, anyOf(places), `${this.begun} by ${from.name}`)
      await setTimeout(Math.random() * pace)
    }
  }

  async #say(from: Person, place: Place, text: string): Promise<void> {
    try {
      await from.ask('send', place.get(from)!, text)
      this.taken.push({ place, from, text })
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      this.unsure.push({ place, from, text })
    }
  }

  /** What is to stand with a person in a place, in the order of letters. */
  async expected(person: Person, place: Place): Promise<string[]> {
    const texts = this.taken.filter((one) => one.place === place).map(({ text }) => text)
    for (const { from, text } of this.unsure.filter((one) => one.place === place))
      if ((await textsOf(from, place)).includes(text)) texts.push(text)
    return place.has(person) ? texts.sort() : []
  }
}

async function textsOf(person: Person, place: Place): Promise<string[]> {
  const chat = place.get(person)
  return chat === undefined ? [] : (await person.ask('history', chat)).map(({ text }) => text).sort()
}

async function kill(people: readonly Person[], nodes: readonly Node[]): Promise<void> {
  for (let done = 0; done < kills; done += 1) {
    if (done % 3 === 2) await anyOf(nodes).kill(Math.random() < 0.5)
    else await anyOf(people).kill(setTimeout(Math.random() * absence))
    await setTimeout(Math.random() * pace)
  }
}

/** Whether everybody has all, and knows that the others have. */
async function isSettled(talk: Talk): Promise<boolean> {
  for (const person of talk.people) await person.ask('fetch').catch(() => {})
  for (const place of talk.places)
    for (const [person, chat] of place) {
      const held = await person.ask('history', chat)
      const texts = held.map(({ text }) => text)
      if ((await talk.expected(person, place)).some((text) => !texts.includes(text))) return false
      if (held.some(({ status }) => status === 'sending')) return false
    }
  return true
}

t.test('each message stands once with each whom it was for, whatever happens on the way', async (t) => {
  t.testdir()
  const nodes = await network(t)
  const [one, other] = await Promise.all(nodes.map((node) => node.address()))
  const people = ['anna', 'berta', 'clara', 'dora', 'elsa'].map(
    (name, index) => new Person(t, name, index % 2 === 0 ? [one!, other!] : [other!, one!]),
  )
  const talk = new Talk(people, await acquaint(people))
  for (const person of people) {
    person.isCalm = false
    await person.ask('calm', false)
  }
  const faults = async (): Promise<void> => {
    await kill(people, nodes)
    await until(() => talk.begun >= messages)
    talk.isOver = true
  }
  await Promise.all([faults(), ...people.map((person) => talk.speak(person))])
  for (const person of people) {
    person.isCalm = true
    await person.ask('calm', true)
  }
  while (!(await isSettled(talk))) await setTimeout(between)

  for (const person of people) {
    const strange = (await person.ask('chats')).filter(
      (chat) => !talk.places.some((place) => place.get(person) === chat),
    )
    t.same(strange, [], `${person.name} has no other chats`)
    for (const place of talk.places.filter((place) => place.has(person)))
      t.same(await textsOf(person, place), await talk.expected(person, place), `${person.name} has each once`)
    await checkHeard(t, talk, person)
  }
  const count = (trouble: (typeof troubles)[number]): number =>
    people.reduce((sum, { troubles }) => sum + (troubles.get(trouble) ?? 0), 0)
  t.ok(talk.taken.length >= messages / 2, `${talk.taken.length} messages were said`)
  for (const trouble of troubles) t.ok(count(trouble) > 0, `${trouble}: ${count(trouble)}`)
  t.ok(
    people.some(({ kills }) => kills > 0),
    `people were killed: ${people.map(({ kills }) => kills).join(', ')}`,
  )
  t.ok(
    nodes.some(({ kills }) => kills > 0),
    `daemons were killed: ${nodes.map(({ kills }) => kills).join(', ')}`,
  )
})

/** Each message of another was handed out, and again only where a kill came between. */
async function checkHeard(t: Test, talk: Talk, person: Person): Promise<void> {
  const texts: string[] = []
  for (const place of talk.places.filter((place) => place.has(person)))
    texts.push(...(await talk.expected(person, place)).filter((text) => !text.endsWith(` ${person.name}`)))
  await until(() => new Set(person.heard.map(({ text }) => text)).size >= texts.length)
  t.same([...new Set(person.heard.map(({ text }) => text))].sort(), texts.sort(), `${person.name} was handed each`)
  const again = person.heard.length - texts.length
  t.ok(again <= person.kills, `${person.name} was handed ${again} again after ${person.kills} kills`)
}
