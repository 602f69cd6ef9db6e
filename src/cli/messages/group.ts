/** `waypost message group` and `public`: chats of several people. */
import type { Messenger } from '../../messaging/messenger/messenger.ts'
import { columns, type OutputOptions, show } from '../output.ts'
import { type DeviceOptions, deviceHere, type NetworkOptions, onNetwork } from './device.ts'
import { groupGiven, idAmong, personGiven } from './ids.ts'
import { writeMembers } from './members.ts'
import { chatRow, shownChat } from './shown.ts'

export async function create(name: string, given: readonly string[], options: NetworkOptions): Promise<undefined> {
  await onNetwork(options, async ({ me }) => {
    const members = await people(me, given)
    await tell(me, await me.createGroup(name, members), options)
  })
}

export async function add(group: string, given: readonly string[], options: NetworkOptions): Promise<undefined> {
  await inGroup(group, options, async (me, id) => me.addToGroup(id, await people(me, given)))
}

export async function remove(group: string, member: string, options: NetworkOptions): Promise<undefined> {
  await inGroup(group, options, async (me, id) => me.removeFromGroup(id, await memberGiven(me, id, member)))
}

export async function admin(group: string, member: string, options: NetworkOptions): Promise<undefined> {
  await inGroup(group, options, async (me, id) => me.makeAdmin(id, await memberGiven(me, id, member)))
}

export async function leave(group: string, options: NetworkOptions): Promise<undefined> {
  await inGroup(group, options, (me, id) => me.leaveGroup(id))
}

export async function rename(group: string, name: string, options: NetworkOptions): Promise<undefined> {
  await inGroup(group, options, (me, id) => me.renameGroup(id, name))
}

export async function members(group: string, options: DeviceOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  const { me } = device
  await writeMembers(me, await me.members(await groupGiven(me, group)), options)
}

export async function join(name: string, options: NetworkOptions): Promise<undefined> {
  await onNetwork(options, async ({ me }) => {
    await me.joinPublicChat(name)
    await tell(me, name, options)
  })
}

export async function part(name: string, options: NetworkOptions): Promise<undefined> {
  await onNetwork(options, async ({ me }) => {
    const open = (await me.chats()).filter(({ kind }) => kind === 'public').map(({ id }) => id)
    await me.leavePublicChat(idAmong(name, open, 'public chat'))
    await tell(me, name, options)
  })
}

async function inGroup(
  given: string,
  options: NetworkOptions,
  work: (me: Messenger, id: string) => Promise<void>,
): Promise<void> {
  await onNetwork(options, async ({ me }) => {
    const id = await groupGiven(me, given)
    await work(me, id)
    await tell(me, id, options)
  })
}

async function people(me: Messenger, given: readonly string[]): Promise<string[]> {
  const ids: string[] = []
  for (const one of given) ids.push(await personGiven(me, one))
  return ids
}

async function memberGiven(me: Messenger, group: string, given: string): Promise<string> {
  return idAmong(given, await me.members(group), 'member')
}

async function tell(me: Messenger, id: string, options: OutputOptions): Promise<void> {
  const chat = (await me.chats()).find((one) => one.id === id)
  if (chat !== undefined) await show(shownChat(chat), options, (shown) => columns([chatRow(shown)]))
}
