/** `waypost message community`: places that are open to whoever has their id, each with its channels. */
import type { CommunityInfo, Messenger, NewCommunityOptions } from '../../messaging/messenger/messenger.ts'
import { writeJson } from '../exact-json.ts'
import { columns, type OutputOptions, show, writeLine } from '../output.ts'
import { type DeviceOptions, deviceHere, type NetworkOptions, onNetwork } from './device.ts'
import { anybodyGiven, channelGiven, communityGiven, idAmong } from './ids.ts'
import { writeMembers } from './members.ts'
import { communityRows } from './shown.ts'

type Look = 'description' | 'color' | 'emoji'

export interface CreateOptions extends NetworkOptions, Pick<NewCommunityOptions, Look> {
  readonly guarded?: boolean
  readonly encrypted?: boolean
  readonly channel?: readonly string[]
}

export async function create(name: string, options: CreateOptions): Promise<undefined> {
  const { guarded = false, encrypted = false, channel = [], description, color, emoji } = options
  const looks = { ...(description && { description }), ...(color && { color }), ...(emoji && { emoji }) }
  await onNetwork(options, async ({ me }) => {
    const id = await me.createCommunity({ name, isGuarded: guarded, isEncrypted: encrypted, ...looks })
    for (const one of channel) await me.addChannel(id, one)
    await tell(me, id, options)
  })
}

export async function list(options: DeviceOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  const all = await device.me.communities()
  if (options.json === true) for (const one of all) await writeLine(writeJson(one))
  else if (all.length > 0) await writeLine(columns(all.flatMap(communityRows)))
}

export async function members(given: string, options: DeviceOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  await writeMembers(device.me, (await communityGiven(device.me, given)).members, options)
}

/** Hexadecimal digits of the id of a community, with `0x`: somebody who is told it may give all of it. */
const idCharacters = 68

export async function follow(given: string, options: NetworkOptions): Promise<undefined> {
  await onNetwork(options, async ({ me }) => {
    const id = await anyCommunity(me, given)
    await me.followCommunity(id)
    await tell(me, id, options)
  })
}

export async function join(given: string, options: NetworkOptions): Promise<undefined> {
  await onNetwork(options, async ({ me }) => {
    const id = await anyCommunity(me, given)
    await me.joinCommunity(id)
    await tell(me, id, options)
  })
}

async function anyCommunity(me: Messenger, given: string): Promise<string> {
  return given.length === idCharacters ? given.toLowerCase() : (await communityGiven(me, given)).id
}

export async function leave(given: string, options: NetworkOptions): Promise<undefined> {
  await inCommunity(given, options, (me, { id }) => me.leaveCommunity(id))
}

export async function addChannel(given: string, name: string, options: NetworkOptions): Promise<undefined> {
  await inCommunity(given, options, async (me, { id }) => void (await me.addChannel(id, name)))
}

export async function removeChannel(given: string, channel: string, options: NetworkOptions): Promise<undefined> {
  await inCommunity(given, options, (me, info) => me.removeChannel(info.id, channelGiven(info, channel)))
}

/** What is done about somebody, and among whom a beginning of an id is looked for. */
interface Step {
  readonly among: (info: CommunityInfo) => readonly string[]
  /** The whole id of anybody is taken too. */
  readonly takesAnybody?: boolean
  readonly run: (me: Messenger, community: string, person: string) => Promise<void>
}

const asking = ({ requests }: CommunityInfo): readonly string[] => requests.map(({ id }) => id)

const steps = {
  kick: { among: (info) => info.members, run: (me, id, person) => me.kick(id, person) },
  ban: {
    among: (info) => [...info.members, ...asking(info)],
    takesAnybody: true,
    run: (me, id, person) => me.ban(id, person),
  },
  unban: { among: (info) => info.banned, run: (me, id, person) => me.ban(id, person, false) },
  accept: { among: asking, run: (me, id, person) => me.answerJoinRequest(id, person, true) },
  decline: { among: asking, run: (me, id, person) => me.answerJoinRequest(id, person, false) },
} as const satisfies Record<string, Step>

export type StepName = keyof typeof steps

export function step(
  name: StepName,
): (community: string, person: string, options: NetworkOptions) => Promise<undefined> {
  const { among, takesAnybody = false, run }: Step = steps[name]
  return async (community, person, options) => {
    await inCommunity(community, options, async (me, info) => {
      const known = among(info).filter((id) => id !== me.id)
      await run(me, info.id, takesAnybody ? anybodyGiven(person, known) : idAmong(person, known, 'person'))
    })
    return undefined
  }
}

async function inCommunity(
  given: string,
  options: NetworkOptions,
  work: (me: Messenger, community: CommunityInfo) => Promise<void>,
): Promise<void> {
  await onNetwork(options, async ({ me }) => {
    const community = await communityGiven(me, given)
    await work(me, community)
    await tell(me, community.id, options)
  })
}

async function tell(me: Messenger, id: string, options: OutputOptions): Promise<void> {
  await show(await communityGiven(me, id), options, (info) => columns(communityRows(info)))
}
