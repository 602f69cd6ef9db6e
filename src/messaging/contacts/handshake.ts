/**
 * How two people become contacts (status-go's contact requests). Each side keeps what it did and what the other did,
 * each with the clock of the last thing that was done; whatever comes with an earlier clock is passed over.
 *
 * A person's devices and both sides may learn of it in any order, or not at all: so every contact update carries the
 * sender's whole state, and `propagated` makes up for what was lost.
 */

import type { contactRequestState } from '../application/chat.ts'
import type { DraftOf } from '../schema.ts'

/** As numbers on the wire. 1, mutual, is never sent: it is what both states together make. */
const numbers = { none: 0, sent: 2, received: 3, dismissed: 4 } as const

type OurState = 'none' | 'sent' | 'dismissed'
type TheirState = 'none' | 'received'

export interface Handshake {
  /** What we did: asked or accepted (the same to status-go), or put the request aside. */
  readonly ours: OurState
  readonly ourClock: bigint
  /** Whether they asked or accepted. */
  readonly theirs: TheirState
  readonly theirClock: bigint
}

export const strangers: Handshake = { ours: 'none', ourClock: 0n, theirs: 'none', theirClock: 0n }

/** Both have asked, or one has asked and the other accepted. */
export function areContacts({ ours, theirs }: Handshake): boolean {
  return ours === 'sent' && theirs === 'received'
}

/** What happens to a handshake. Each takes the clock of the message that says so. */
export const steps = {
  /** We ask, or accept. */
  send: (state: Handshake, clock: bigint): Handshake =>
    clock <= state.ourClock ? state : { ...state, ours: 'sent', ourClock: clock },
  /** We put their request aside: a peer that is told of it takes no notice. */
  dismiss: (state: Handshake, clock: bigint): Handshake =>
    clock <= state.ourClock ? state : { ...state, ours: 'dismissed', ourClock: clock },
  /** We end it. For both sides: all that was before is void. */
  retract: (state: Handshake, clock: bigint): Handshake =>
    clock <= state.ourClock ? state : { ours: 'none', ourClock: clock, theirs: 'none', theirClock: clock },
  /** They ask, or accept. */
  receive: (state: Handshake, clock: bigint): Handshake =>
    clock <= state.theirClock ? state : { ...state, theirs: 'received', theirClock: clock },
  /** They end it. A request that we put aside stays aside. */
  receiveRetraction: (state: Handshake, clock: bigint): Handshake => {
    if (clock <= state.theirClock) return state
    const ended = { ...state, theirs: 'none', theirClock: clock } as const
    return state.ours === 'dismissed' ? ended : { ...ended, ours: 'none', ourClock: clock }
  },
} as const

/** The state as it is sent with a contact update or a request. */
export function toWire({
  ours,
  ourClock,
  theirs,
  theirClock,
}: Handshake): Required<DraftOf<typeof contactRequestState>> {
  return {
    localClock: ourClock,
    localState: BigInt(numbers[ours]),
    remoteClock: theirClock,
    remoteState: BigInt(numbers[theirs]),
  }
}

type OnWire = Required<DraftOf<typeof contactRequestState>>

/** What the other side holds of us when it knows all. */
const seenAs = { none: numbers.none, sent: numbers.received, dismissed: numbers.dismissed } as const

export interface Propagated {
  readonly state: Handshake
  /** They are behind: ours is to be sent, so that they catch up. */
  readonly sendBack: boolean
}

/** Takes the other side's whole state. What it says of itself is believed; of us, only that it has ended. */
export function propagated(state: Handshake, theirs: OnWire): Propagated {
  const sendBack = theirs.remoteClock < state.ourClock && theirs.remoteState !== BigInt(seenAs[state.ours])
  const ended = endedByUs(state, theirs)
  if (theirs.localState === BigInt(numbers.sent)) return { state: steps.receive(ended, theirs.localClock), sendBack }
  if (theirs.localState === BigInt(numbers.none))
    return { state: steps.receiveRetraction(ended, theirs.localClock), sendBack }
  return { state: ended, sendBack }
}

/** They know of a later end than we do: of ours on another device, or of theirs that we did not get. */
function endedByUs(state: Handshake, { remoteClock, remoteState }: OnWire): Handshake {
  const isLater = remoteClock > state.ourClock && remoteState === BigInt(numbers.none)
  if (!isLater || state.ours === 'dismissed') return state
  return { ...state, ours: 'none', ourClock: remoteClock, theirs: 'none' }
}

/** What another device of ours knows (`syncInstallationContact`). */
export interface Synced {
  readonly contactRequestLocalState: bigint
  readonly contactRequestLocalClock: bigint
  readonly contactRequestRemoteState: bigint
  readonly contactRequestRemoteClock: bigint
}

const ourSteps: ReadonlyMap<bigint, (state: Handshake, clock: bigint) => Handshake> = new Map([
  [BigInt(numbers.none), steps.retract],
  [BigInt(numbers.sent), steps.send],
  [BigInt(numbers.dismissed), steps.dismiss],
])

/** Takes over what another device of ours knows: what we did, then what they did. */
export function synced(state: Handshake, device: Synced): Handshake {
  const ours = ourSteps.get(device.contactRequestLocalState)?.(state, device.contactRequestLocalClock) ?? state
  const { contactRequestRemoteClock: clock, contactRequestRemoteState: theirs } = device
  if (theirs === BigInt(numbers.received)) return steps.receive(ours, clock)
  if (theirs !== BigInt(numbers.none) || clock <= ours.theirClock) return ours
  return { ...ours, theirs: 'none', theirClock: clock }
}
