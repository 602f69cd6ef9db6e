/**
 * What a private group is, from its log: the events in the order of their clocks, each allowed by what stood before it.
 *
 * status-go refuses a whole log for one event that is not allowed. Here that event is passed over, so that everybody who
 * has the same events sees the same group, in whatever order they came.
 *
 * A clock is the author's word, so an event may come late and say that it is early. Two rules hold against it, both of the
 * events alone. Whom an admin removed only an admin lets in again: else an accomplice would, under any clock, even after he was
 * removed himself. And who stops being a member or an admin is one for the events that stand before, however late they come.
 * What no rule can tell is whether somebody who was removed let in others before that, or says so now: those stay until an
 * admin removes them.
 */
import { EventType } from '../application/group.ts'
import type { SignedEvent } from './event.ts'

/** Members of a group at the most: each message goes to each of them by itself. */
export const maxMembers = 512

export interface GroupState {
  readonly chatId: string
  readonly name: string
  readonly color: string
  readonly image: Uint8Array
  /** User ids, in the order in which they came. */
  readonly members: ReadonlySet<string>
  readonly admins: ReadonlySet<string>
  /** Members who said that they are there. */
  readonly joined: ReadonlySet<string>
  /** Whom an admin removed, and none has let in again. */
  readonly expelled: ReadonlySet<string>
  /** The events that count, in order. */
  readonly events: readonly SignedEvent[]
}

export type EventFault =
  | 'not created'
  | 'already created'
  | 'not the creator'
  | 'not a member'
  | 'not an admin'
  | 'an admin'
  | 'expelled'
  | 'already joined'
  | 'empty'
  | 'group full'
  | 'unknown event'

type Building = { -readonly [Key in keyof GroupState]: GroupState[Key] } & {
  members: Set<string>
  admins: Set<string>
  joined: Set<string>
  expelled: Set<string>
  events: SignedEvent[]
}

interface Rule {
  /** Why the event is not allowed; undefined when it is. */
  fault(state: GroupState, signed: SignedEvent): EventFault | undefined
  apply(state: Building, signed: SignedEvent): void
}

function notMember({ members }: GroupState, { from }: SignedEvent): EventFault | undefined {
  return members.has(from) ? undefined : 'not a member'
}

/** Whom an addition lets in. status-go lets any member let in anybody, those whom an admin removed too. */
function letIn({ admins, expelled }: GroupState, { from, added }: SignedEvent): readonly string[] {
  return admins.has(from) ? added : added.filter((id) => !expelled.has(id))
}

function isFull({ members }: GroupState, newcomers: readonly string[]): boolean {
  return members.size + newcomers.filter((id) => !members.has(id)).length > maxMembers
}

/** A change by any member, of something that is said. */
function change(says: (signed: SignedEvent) => boolean, apply: Rule['apply']): Rule {
  return { fault: (state, signed) => notMember(state, signed) ?? (says(signed) ? undefined : 'empty'), apply }
}

/** The one that a removal names; undefined when it names none or several. */
function onlyMember({ event }: SignedEvent): string | undefined {
  return event.members.length === 1 ? event.members[0] : undefined
}

const rules: Readonly<Record<number, Rule>> = {
  [EventType.created]: {
    // The id of a group ends with its creator, so that nobody else can begin it.
    fault: (state, { from }) => (state.chatId.endsWith(`-${from}`) ? undefined : 'not the creator'),
    apply: (state, { event, from }) => {
      state.name = event.name
      state.color = event.color
      state.members.add(from)
      state.admins.add(from)
    },
  },
  [EventType.nameChanged]: change(
    ({ event }) => event.name !== '',
    (state, { event }) => {
      state.name = event.name
    },
  ),
  [EventType.colorChanged]: change(
    ({ event }) => event.color !== '',
    (state, { event }) => {
      state.color = event.color
    },
  ),
  [EventType.imageChanged]: change(
    ({ event }) => event.image.length > 0,
    (state, { event }) => {
      state.image = event.image
    },
  ),
  [EventType.membersAdded]: {
    fault: (state, signed) => {
      if (signed.added.length === 0) return 'empty'
      const newcomers = letIn(state, signed)
      if (newcomers.length === 0) return notMember(state, signed) ?? 'expelled'
      return notMember(state, signed) ?? (isFull(state, newcomers) ? 'group full' : undefined)
    },
    apply: (state, signed) => {
      for (const member of letIn(state, signed)) {
        state.members.add(member)
        state.expelled.delete(member)
      }
    },
  },
  [EventType.memberJoined]: {
    // Said once more it changes nothing.
    fault: (state, signed) =>
      notMember(state, signed) ?? (state.joined.has(signed.from) ? 'already joined' : undefined),
    apply: (state, { from }) => {
      state.joined.add(from)
    },
  },
  [EventType.memberRemoved]: {
    fault: (state, signed) => {
      const removed = onlyMember(signed)
      if (removed === undefined) return 'empty'
      if (removed === signed.from) return notMember(state, signed)
      if (!state.admins.has(signed.from)) return 'not an admin'
      return state.admins.has(removed) ? 'an admin' : undefined
    },
    apply: (state, signed) => {
      const removed = onlyMember(signed) ?? ''
      for (const set of [state.members, state.admins, state.joined]) set.delete(removed)
      // Who left by himself is let in by any member, as before.
      if (removed !== signed.from) state.expelled.add(removed)
    },
  },
  [EventType.adminsAdded]: {
    fault: (state, { event, from }) => {
      if (!state.admins.has(from)) return 'not an admin'
      return event.members.some((member) => state.members.has(member)) ? undefined : 'not a member'
    },
    // Of an abridged log somebody named may be missing: those who are there become admins.
    apply: (state, { event }) => {
      for (const member of event.members) if (state.members.has(member)) state.admins.add(member)
    },
  },
  [EventType.adminRemoved]: {
    fault: (state, signed) => {
      if (onlyMember(signed) !== signed.from) return 'empty'
      return state.admins.has(signed.from) ? undefined : 'not an admin'
    },
    apply: (state, { from }) => {
      state.admins.delete(from)
    },
  },
}

/** Whether an event is allowed in a group as it stands. */
export function eventFault(state: GroupState, signed: SignedEvent): EventFault | undefined {
  const rule = rules[signed.event.type]
  if (rule === undefined) return 'unknown event'
  // The creation is the first event that counts, and the only one.
  const isCreated = state.events.length > 0
  if (isCreated === (signed.event.type === EventType.created)) return isCreated ? 'already created' : 'not created'
  return rule.fault(state, signed)
}

/** By clock; of the same clock in an order that is the same everywhere. */
export function inOrder(events: Iterable<SignedEvent>): SignedEvent[] {
  return [...events].sort(
    (a, b) => Number(a.event.clock > b.event.clock) - Number(a.event.clock < b.event.clock) || (a.key < b.key ? -1 : 1),
  )
}

/** The group that `events` make, whatever their order. Without its creation it has no members. */
export function replay(chatId: string, events: Iterable<SignedEvent>): GroupState {
  const state: Building = {
    chatId,
    name: '',
    color: '',
    image: new Uint8Array(0),
    members: new Set(),
    admins: new Set(),
    joined: new Set(),
    expelled: new Set(),
    events: [],
  }
  for (const signed of inOrder(events)) {
    if (eventFault(state, signed) !== undefined) continue
    rules[signed.event.type]?.apply(state, signed)
    state.events.push(signed)
  }
  return state
}

/** Whether somebody was a member at any time: an invitation to a group in which one never was is none. */
export function wasEverMember({ events }: GroupState, id: string): boolean {
  return events.some(({ event, from, added }) => (event.type === EventType.created ? from === id : added.includes(id)))
}
