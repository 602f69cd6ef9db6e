/** A row of the settings table: the one place where a setting is declared. */
import type { Kind } from './kinds/kind.ts'

/**
 * How we treat a setting. `accepted`: read and checked, without effect; one warning when it is given and differs from
 * `as`, the value that describes what we do. `refused`: it would be unsafe to ignore, so only `as` may be given.
 */
export type Treatment =
  | { readonly is: 'implemented' }
  | { readonly is: 'accepted'; readonly as?: string; readonly why: string }
  | { readonly is: 'refused'; readonly as: string; readonly why: string }

export interface Row<T> {
  readonly kind: Kind<T>
  /** What it does, in one or two sentences. */
  readonly help: string
  /** As one would write it. Absent: not set. */
  readonly default?: string
  /** A list that tells unset from empty. */
  readonly optional?: true
  /** What holds when it is not set, in words. */
  readonly unset?: string
  /** nwaku's default, where ours is another. */
  readonly nwaku?: string
  /** nwaku has no such setting. */
  readonly ours?: true
  /** A running node takes another value without a restart: SIGHUP, `waypost reload`. */
  readonly live?: true
  /** A port of ours, to which `ports-shift` is added. */
  readonly shifted?: true
  readonly treatment: Treatment
}

type Options = Partial<
  Pick<Row<unknown>, 'default' | 'optional' | 'unset' | 'nwaku' | 'ours' | 'live' | 'shifted' | 'treatment'>
>

/** A setting with a default, or a list (without items unless said otherwise). */
export function setting<T>(kind: Kind<T>, help: string, options: Options & { default: string }): Row<T>
export function setting<T>(kind: Kind<T>, help: string, options: Options & { optional: true }): Row<T | undefined>
export function setting<T>(kind: Kind<readonly T[]>, help: string, options?: Options): Row<readonly T[]>
/** A setting that may be unset. */
export function setting<T>(kind: Kind<T>, help: string, options?: Options): Row<T | undefined>
export function setting<T>(kind: Kind<T>, help: string, options: Options = {}): Row<T> {
  return { kind, help, treatment: { is: 'implemented' }, ...options }
}

/** Of no effect, since it stands for what this version does not do. With `as`, that value needs no warning. */
export function without(why: string, as?: string): { treatment: Treatment } {
  return { treatment: { is: 'accepted', why, as } }
}

/** Refused unless it has the value `as`. */
export function refused(why: string, as: string): { treatment: Treatment } {
  return { treatment: { is: 'refused', why, as } }
}

/** Why settings of later versions have no effect. */
export const notYet = 'not in this version yet'
