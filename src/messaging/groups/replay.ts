/**
 * What a private group is, from its log: the events in the order of their clocks, each allowed by what stood before it.
 *
 * status-go refuses a whole log for one event that is not allowed. Here that event is passed over, so that everybody who
 * has the same events sees the same group, in whatever order they came.
 *
 * A clock is the author's word, so an event may come late and say that it is early. Three rules hold against it, all of the
 * events alone. Whom an admin removed only an admin lets in again: else an accomplice would, under any clock, even after he was
 * removed himself. Who stops being a member or an admin is one for the events that stand before, however late they come. And
 * whom somebody let in, in truth or afterwards, goes when he is removed, unless the admin names him as one who stays
 * (`stayers.ts`); of a removal that names nobody, as status-go's, all stay.
 */
import { EventType } from '../application/group.ts'
import type { SignedEvent } from './event.ts'
import { stayersOf } from './stayers.ts'

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
  /** Of each member but the creator, who let him in: the first, or the last admin who did. */
  readonly letInBy: ReadonlyMap<string, string>
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
  letInBy: Map<string, string>
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

/** Who goes with somebody whom an admin removes: whom he let in, and whom those did, but admins and those who are to stay. */
function followers({ members, admins, letInBy }: GroupState, removed: string, { event }: SignedEvent): string[] {
  const stays = stayersOf(event.image)
  if (stays === undefined) return []
  const gone = new Set([removed])
  // Who let somebody in may stand behind him, having left and come back: as many rounds as there is somebody to find.
  for (let before = 0; before < gone.size; ) {
    before = gone.size
    for (const member of members)
      if (gone.has(letInBy.get(member) ?? '') && !admins.has(member) && !stays(member)) gone.add(member)
  }
  gone.delete(removed)
  return [...gone]
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
      const isByAdmin = state.admins.has(signed.from)
      for (const member of letIn(state, signed)) {
        if (isByAdmin || !state.members.has(member)) state.letInBy.set(member, signed.from)
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
      const isExpelled = removed !== signed.from
      for (const gone of isExpelled ? [removed, ...followers(state, removed, signed)] : [removed]) {
        for (const held of [state.members, state.admins, state.joined, state.letInBy]) held.delete(gone)
        // Who left by himself is let in by any member, as before.
        if (isExpelled) state.expelled.add(gone)
      }
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
    letInBy: new Map(),
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
