/**
 * What people say about a message after it was written: edits, deletions, reactions, pins. They may come in any order,
 * before the message itself too, so they are kept as claims, and looked at together with the message: who may say what
 * is known only then. The same claims make the same of a message, in whatever order they came.
 */
import {
  ContentType,
  type DeleteMessage,
  type EditMessage,
  type EmojiReaction,
  type PinMessage,
} from '../application/chat.ts'

/**
 * Claims of one kind about one message at the most: above it the earliest make room, those of the message's author never.
 *
 * Who that is must be told, and is known once the message is here. Before, all are the same: the author's claims can be pushed out
 * then by as many other people as there is room for, who all claim something later of a message that they must know by its id. Of
 * groups there are not so many members. As long as that did not happen, the same claims are kept in whatever order they
 * and the message came.
 */
export const maxClaims = 1024

/** Of these one person's: emotions are numbers, and nobody has so many. Above it his earliest make room. */
export const maxClaimsOfOne = 32

interface Claim {
  /** A user id. */
  readonly from: string
  readonly clock: bigint
}

export interface Edit extends Claim {
  readonly text: string
  readonly contentType: number
}

export interface Reaction extends Claim {
  readonly emotion: number
  readonly retracted: boolean
}

export interface Pin extends Claim {
  readonly pinned: boolean
}

/** All about one message: of each person the last edit and deletion, of each person and emotion the last word. */
export interface Claims {
  readonly edits: ReadonlyMap<string, Edit>
  readonly deletions: ReadonlyMap<string, Claim>
  readonly reactions: ReadonlyMap<string, Reaction>
  readonly pins: ReadonlyMap<string, Pin>
}

export const noClaims: Claims = { edits: new Map(), deletions: new Map(), reactions: new Map(), pins: new Map() }

/** Adds an edit by `from`. `author` is who wrote the message, once that is here. */
export function withEdit(claims: Claims, from: string, edit: EditMessage, author?: string): Claims {
  // Nobody else's is ever shown.
  if (author !== undefined && from !== author) return claims
  const { clock, text, contentType } = edit
  return { ...claims, edits: withLater(claims.edits, from, { from, clock, text, contentType }, author) }
}

/** Adds a deletion, as `withEdit` an edit. */
export function withDeletion(claims: Claims, from: string, { clock }: DeleteMessage, author?: string): Claims {
  return { ...claims, deletions: withLater(claims.deletions, from, { from, clock }, author) }
}

/** Adds a reaction, as `withEdit` an edit. */
export function withReaction(claims: Claims, from: string, said: EmojiReaction, author?: string): Claims {
  const { clock, emotion, retracted } = said
  const reaction = { from, clock, emotion, retracted }
  return { ...claims, reactions: withLater(claims.reactions, `${from} ${emotion}`, reaction, author) }
}

/** Adds a pin, as `withEdit` an edit. */
export function withPin(claims: Claims, from: string, { clock, pinned }: PinMessage, author?: string): Claims {
  return { ...claims, pins: withLater(claims.pins, from, { from, clock, pinned }, author) }
}

/** Of two claims the later; of the same clock the one whose words come later, so that it is the same everywhere. */
function isLater<Of extends Claim>(one: Of, other: Of): boolean {
  if (one.clock !== other.clock) return one.clock > other.clock
  return wordsOf(one) > wordsOf(other)
}

function wordsOf(claim: Claim): string {
  return JSON.stringify({ ...claim, clock: '' })
}

function withLater<Of extends Claim>(
  claims: ReadonlyMap<string, Of>,
  key: string,
  claim: Of,
  author: string | undefined,
): ReadonlyMap<string, Of> {
  const held = claims.get(key)
  if (held !== undefined && !isLater(claim, held)) return claims
  const next = new Map(claims).set(key, claim)
  // A person's own bound first: what is above it must push nobody else out.
  if (countOf(next, claim.from) > maxClaimsOfOne) dropEarliest(next, ({ from }) => from === claim.from)
  else if (next.size > maxClaims) dropEarliest(next, ({ from }) => from !== author)
  return next
}

function countOf(claims: ReadonlyMap<string, Claim>, person: string): number {
  let count = 0
  for (const { from } of claims.values()) if (from === person) count += 1
  return count
}

function dropEarliest(claims: Map<string, Claim>, isOf: (claim: Claim) => boolean): void {
  let first: { readonly key: string; readonly claim: Claim } | undefined
  for (const [key, claim] of claims)
    if (isOf(claim) && (first === undefined || isLater(first.claim, claim))) first = { key, claim }
  if (first !== undefined) claims.delete(first.key)
}

/** A message as it was written. */
export interface Written {
  readonly from: string
  readonly text: string
  readonly contentType: number
}

/** Who may do more than write, in the chat of the message. */
export interface Powers {
  /** Delete what others wrote: admins of a group, those who run a community. */
  mayDelete(id: string): boolean
  mayPin(id: string): boolean
}

/** A message as it is shown. */
export interface Shown {
  readonly text: string
  readonly contentType: number
  /** The clock of the edit that is shown. */
  readonly editedAt?: bigint
  /** Who deleted it. */
  readonly deletedBy?: string
  /** By emotion, the people who feel it. */
  readonly reactions: ReadonlyMap<number, readonly string[]>
  readonly pinned: boolean
}

/** Contents that an edit may give a message: never those that ask or carry something. */
const editable: ReadonlySet<number> = new Set([ContentType.text, ContentType.emoji, ContentType.bridge])

/** What `claims` make of a message. Only its author edits it. */
export function shown(message: Written, claims: Claims, { mayDelete, mayPin }: Powers): Shown {
  const edit = claims.edits.get(message.from)
  const deletion = earliest(
    [...claims.deletions.values()].filter(({ from }) => from === message.from || mayDelete(from)),
  )
  const pin = latest([...claims.pins.values()].filter(({ from }) => mayPin(from)))
  const isEdited = edit !== undefined && editable.has(edit.contentType) && editable.has(message.contentType)
  return {
    text: edit?.text ?? message.text,
    contentType: isEdited ? edit.contentType : message.contentType,
    editedAt: edit?.clock,
    deletedBy: deletion?.from,
    reactions: feelings(claims),
    pinned: pin?.pinned ?? false,
  }
}

function latest<Of extends Claim>(claims: readonly Of[]): Of | undefined {
  return claims.toSorted((a, b) => (isLater(a, b) ? -1 : 1))[0]
}

function earliest<Of extends Claim>(claims: readonly Of[]): Of | undefined {
  return claims.toSorted((a, b) => (isLater(a, b) ? 1 : -1))[0]
}

function feelings({ reactions }: Claims): Map<number, string[]> {
  const felt = new Map<number, string[]>()
  const standing = [...reactions.values()].filter(({ retracted }) => !retracted)
  for (const { emotion, from } of standing.toSorted((a, b) => (isLater(a, b) ? 1 : -1)))
    felt.set(emotion, [...(felt.get(emotion) ?? []), from])
  return felt
}
