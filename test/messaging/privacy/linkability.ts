/**
 * The linkability game: what an operator of some of the relays makes of topics, sizes, times, and of what clients ask his relays
 * for. Each score is his advantage over guessing: 0 is none, 1 is certainty. He guesses in simple ways, so that a number here is
 * what is lost at the least.
 */

/** A message as it happened; what of it is seen depends on who looks. */
export interface Happened {
  readonly topic: string
  readonly size: number
  readonly at: number
  /** Who sent it, by which relay. */
  readonly host: string
  readonly relay: number
  /** Undefined: it is of no conversation. */
  readonly conversation: number | undefined
}

export interface Followed {
  readonly host: string
  readonly relay: number
  readonly topic: string
}

/** A round of the game. */
export interface Round {
  readonly hosts: readonly string[]
  readonly messages: readonly Happened[]
  readonly followed: readonly Followed[]
  /** By host, the topic on which the person publishes prekeys, which whoever knows the public key computes. */
  readonly contactCodes: ReadonlyMap<string, string>
  /** By host, the topic that only the person follows, known to the same. */
  readonly personal: ReadonlyMap<string, string>
  /** Later: who was there, and the topics of what was sent meanwhile. */
  readonly later: { readonly online: ReadonlySet<string>; readonly topics: ReadonlySet<string> }
}

/** A message as it is seen: with the host that handed it over, where that was to a relay that is watched. */
interface Sight {
  readonly topic: string
  readonly size: number
  readonly at: number
  readonly host: string | undefined
  readonly truth: Happened
}

export interface Scores {
  /** Whether two messages are of one conversation, by each way to tell. */
  readonly conversation: Readonly<Record<string, number>>
  /** Which host a message comes from. */
  readonly sender: number
  /** Whether somebody whose public key is known was there. */
  readonly presence: number
  /** Which host is that of somebody whose public key is known. */
  readonly hostOfKey: number
}

/** Milliseconds between two messages of which one may answer the other. */
const soon = 1000

const ways: Readonly<Record<string, (one: Sight, other: Sight) => boolean>> = {
  topic: (one, other) => one.topic === other.topic,
  host: (one, other) => one.host !== undefined && one.host === other.host,
  'topic or host': (one, other) => ways.topic!(one, other) || ways.host!(one, other),
  time: (one, other) => Math.abs(one.at - other.at) < soon,
  size: (one, other) => one.size === other.size,
}

/** What comes of watching these relays. Each of the relays carries every message. */
export function scoresOf(round: Round, watched: ReadonlySet<number>): Scores {
  const sights = round.messages.map((truth) => ({
    ...truth,
    host: watched.has(truth.relay) ? truth.host : undefined,
    truth,
  }))
  const spoken = sights.filter(({ truth }) => truth.conversation !== undefined)
  return {
    conversation: Object.fromEntries(Object.entries(ways).map(([name, isSame]) => [name, linked(spoken, isSame)])),
    sender: overGuessing(
      spoken.map((sight) => chanceOfSender(sight, round, watched)),
      round.hosts.length,
    ),
    presence: presenceOf(round),
    hostOfKey: overGuessing(
      round.hosts.map((host) => chanceOfHost(host, round, watched)),
      round.hosts.length,
    ),
  }
}

/** How much more often two messages of one conversation are taken for such than two of different ones. */
function linked(sights: readonly Sight[], isSame: (one: Sight, other: Sight) => boolean): number {
  const guesses = { same: [] as boolean[], different: [] as boolean[] }
  for (const [index, one] of sights.entries())
    for (const other of sights.slice(index + 1)) {
      const truth = one.truth.conversation === other.truth.conversation ? 'same' : 'different'
      guesses[truth].push(isSame(one, other))
    }
  return share(guesses.same) - share(guesses.different)
}

function share(guesses: readonly boolean[]): number {
  return guesses.filter((guess) => guess).length / guesses.length
}

/** One that his relays did not get from a client of theirs comes from a client of the others. */
function chanceOfSender({ host }: Sight, round: Round, watched: ReadonlySet<number>): number {
  return host === undefined ? 1 / (round.hosts.length - hostsAt(round, watched).size) : 1
}

function hostsAt({ messages, followed }: Round, watched: ReadonlySet<number>): Set<string> {
  return new Set([...messages, ...followed].filter(({ relay }) => watched.has(relay)).map(({ host }) => host))
}

/** Who follows the topic that only the person follows is found; otherwise it is one of those who are elsewhere. */
function chanceOfHost(host: string, round: Round, watched: ReadonlySet<number>): number {
  const topic = round.personal.get(host)
  const seen = round.followed.some((one) => one.topic === topic && one.host === host && watched.has(one.relay))
  return seen ? 1 : 1 / (round.hosts.length - hostsAt(round, watched).size)
}

function overGuessing(chances: readonly number[], count: number): number {
  const hit = chances.reduce((sum, chance) => sum + chance, 0) / chances.length
  return (hit - 1 / count) / (1 - 1 / count)
}

/** Somebody is taken to be there when something was published on the topic of the person. */
function presenceOf({ hosts, contactCodes, later }: Round): number {
  const isTold = (host: string) => later.topics.has(contactCodes.get(host) ?? '')
  const online = hosts.filter((host) => later.online.has(host))
  const offline = hosts.filter((host) => !later.online.has(host))
  return share(online.map(isTold)) - share(offline.map(isTold))
}
