/**
 * The events that a message of a group carries: those without which the group would not be what it is (status-go's
 * `AbridgedEvents`). What has been overtaken by later events is left out.
 */
import { EventType } from '../application/group.ts'
import type { SignedEvent } from './event.ts'
import { type GroupState, replay } from './replay.ts'

/**
 * A log that gives the same group as the whole one. status-go's choice can lose whoever let somebody in, and then does
 * not take its own log: in that case the whole is sent.
 */
export function abridged(state: GroupState): readonly SignedEvent[] {
  const chosen = chosenEvents(state)
  const again = replay(state.chatId, chosen)
  return again.events.length === chosen.length && isSameGroup(again, state) ? again.events : state.events
}

/** Whether two logs make the same group. */
export function isSameGroup(one: GroupState, other: GroupState): boolean {
  return (
    one.name === other.name &&
    one.color === other.color &&
    Buffer.compare(one.image, other.image) === 0 &&
    isSameSet(one.members, other.members) &&
    isSameSet(one.admins, other.admins) &&
    one.letInBy.size === other.letInBy.size &&
    [...one.letInBy].every(([member, by]) => other.letInBy.get(member) === by) &&
    isSameSet(one.joined, other.joined) &&
    isSameSet(one.expelled, other.expelled)
  )
}

function isSameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item))
}

/** Of these only the last counts. */
const lastOnly: ReadonlySet<number> = new Set([EventType.nameChanged, EventType.colorChanged, EventType.imageChanged])
/** Of these each counts. */
const always: ReadonlySet<number> = new Set([EventType.created, EventType.adminsAdded, EventType.adminRemoved])

function chosenEvents({ events, members, expelled }: GroupState): SignedEvent[] {
  const chosen = new Set<SignedEvent>()
  const said = new Set<number>()
  const added = new Set<string>()
  const gone = new Set<string>()
  const admins = new Set<string>()
  const removals = new Map<string, SignedEvent>()
  for (const signed of events.toReversed()) {
    const { event, from } = signed
    if (always.has(event.type)) chosen.add(signed)
    if (event.type === EventType.adminsAdded) for (const admin of event.members) admins.add(admin)
    if (lastOnly.has(event.type) && !said.has(event.type)) chosen.add(signed)
    said.add(event.type)
    if (event.type === EventType.memberJoined && members.has(from)) chosen.add(signed)
    if (event.type === EventType.memberRemoved && !removals.has(event.members[0] ?? ''))
      removals.set(event.members[0] ?? '', signed)
    if (event.type !== EventType.membersAdded) continue
    const isNeeded = event.members.some((member) => admins.has(member) || (members.has(member) && !added.has(member)))
    if (!isNeeded) continue
    chosen.add(signed)
    for (const member of event.members) (members.has(member) || admins.has(member) ? added : gone).add(member)
  }
  for (const [member, removal] of removals) if (expelled.has(member)) chosen.add(removal)
  for (const member of gone) chosen.add(removals.get(member) ?? events[0]!)
  return [...chosen]
}
