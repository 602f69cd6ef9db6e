/**
 * What bounds discv5. UDP has no connections: whoever can send a datagram, with any address on it, reaches us, so each
 * step that costs more than the one before has a budget of its own.
 */
import type { Milliseconds } from '../../../core/time.ts'
import type { Rate } from '../../quota.ts'

/** Bytes of a packet: the specification, "UDP Communication". */
export const minPacketBytes = 63
export const maxPacketBytes = 1280

/** Bytes of a request id: the specification, "Protocol Messages". */
export const maxRequestIdBytes = 8

/** Nodes of a bucket, and what a lookup looks for: Kademlia's k, the specification, "Node Table". */
export const bucketSize = 16

/** Bits of a node id, and so the largest distance. */
export const idBits = 256

/** Records in the answer to one FINDNODE, in all its packets: the specification. */
export const maxRecords = 16

/** Packets of one answer that are waited for: each holds at least one record. */
export const maxAnswerPackets = maxRecords

/** Bytes of all records in one NODES packet: 1280 less header, tag and frame of the message (at most 110). */
export const maxRecordsBytes = 1160

/** Distances of one FINDNODE that are read. A lookup asks for three, and 16 records fit into one answer. */
export const maxDistances = 16

/** Sessions kept. The one used least recently goes, and costs a handshake when it comes back. */
export const maxSessions = 1000

/** Challenges (WHOAREYOU) waiting for their handshake. Above it the oldest goes. */
export const maxChallenges = 1000

/** Requests of ours that wait for their answer. */
export const maxRequests = 200

/** Nodes heard of that wait to be asked whether they are there, and how many are asked at once. */
export const maxCandidates = 256
export const maxMeetings = 4

/** Nodes that are left alone for a while: they did not answer, or there is no place for them. */
export const maxResting = 1000

/** Records whose signature was checked, kept since the same ones come again and again. 600 bytes each. */
export const maxKnownRecords = 2000

/** Requests of a lookup under way at once: Kademlia's alpha, the specification, "Lookup". */
export const lookupConcurrency = 3

/** Nodes that one lookup asks, and hears of, at the most. 16 answer a good one. */
export const maxLookupAsked = 64
export const maxLookupHeard = 512

/** Requests in a row without an answer after which a node leaves the table. */
export const maxFailures = 2

/** Voters on our own address. One of each network is heard. */
export const maxVoters = 200

/** Below this many nodes in the table we search often. */
export const fewNodes = bucketSize

/** What one address, and all together, may send. Refused packets are dropped unread. */
export interface PacketRates {
  readonly perPeer: Rate
  readonly total: Rate
}

const second: Milliseconds = 1000

/** All packets: unmasking one takes some 10 microseconds. */
export const packetRates: PacketRates = {
  perPeer: { volume: 100, period: second },
  total: { volume: 10_000, period: second },
}

/** Packets that we cannot read, each answered by a WHOAREYOU that is smaller. */
export const challengeRates: PacketRates = {
  perPeer: { volume: 20, period: second },
  total: { volume: 1000, period: second },
}

/** Handshakes that answer a challenge: each takes some milliseconds on the curve. */
export const handshakeRates: PacketRates = {
  perPeer: { volume: 10, period: second },
  total: { volume: 25, period: second },
}

export interface Timings {
  /** From a request to its answer, once a session is there. The specification advises 500 ms. */
  readonly request: Milliseconds
  /** From a request to its answer, a handshake between them; and how long a challenge counts. */
  readonly handshake: Milliseconds
  /** The wait between two searches: from the shortest, when few are known, doubling while they find nobody new. */
  readonly walk: { readonly first: Milliseconds; readonly most: Milliseconds }
  /** How long a node in the table is believed to be there without having answered. */
  readonly liveness: Milliseconds
  /** How often it is looked for one that is to be asked. */
  readonly tick: Milliseconds
  /** How long a node that did not answer, or found no place, is left alone. */
  readonly rest: Milliseconds
  /** After a search of its own accord, the next one at somebody's wish. */
  readonly hurry: Milliseconds
  /** How long a vote on our address counts. */
  readonly vote: Milliseconds
}

export const timings: Timings = {
  request: 500,
  handshake: second,
  walk: { first: second, most: 60 * second },
  liveness: 30 * second,
  tick: second,
  rest: 60 * second,
  hurry: 10 * second,
  vote: 300 * second,
}
