/**
 * The people whom a device knows, each a row. Those whom nobody here chose to know are bounded: whoever writes first costs a
 * row and a session, and the one who was silent longest makes room.
 */
import type { Milliseconds } from '../../core/time.ts'
import { areContacts } from '../contacts/handshake.ts'
import { type PublicKey, userId } from '../keys.ts'
import type { Database, Rows } from '../storage/rows.ts'
import { decodePerson, encodePerson, isKept, type Person } from './person.ts'

/** People remembered who wrote, and whom nobody here has answered. */
export const maxStrangers = 1000

interface Known {
  readonly isKept: boolean
  readonly heardAt: Milliseconds
}

export class People {
  readonly #database: Database
  /** By user id. */
  readonly #known = new Map<string, Known>()

  private constructor(database: Database) {
    this.#database = database
  }

  static async load(database: Database): Promise<People> {
    const people = new People(database)
    for await (const { value } of database.scan({ prefix: 'person/' })) people.#note(decodePerson(value))
    return people
  }

  #row(id: string): string {
    return `person/${this.#database.tag(id)}`
  }

  #note(person: Person): void {
    this.#known.set(userId(person.key), { isKept: isKept(person), heardAt: person.heardAt })
  }

  has(key: PublicKey): boolean {
    return this.#known.has(userId(key))
  }

  /** Whether somebody is one whom we chose to have to do with. */
  isKept(id: string): boolean {
    return this.#known.get(id)?.isKept ?? false
  }

  async find(rows: Rows, key: PublicKey): Promise<Person | undefined> {
    const stored = await rows.get(this.#row(userId(key)))
    return stored && decodePerson(stored)
  }

  /** Keeps `person`, and says who makes room: their sessions and all that is on its way to them has to be forgotten. */
  async save(rows: Rows, person: Person): Promise<Person | undefined> {
    rows.put(this.#row(userId(person.key)), encodePerson(person))
    this.#note(person)
    return isKept(person) ? undefined : await this.#makeRoom(rows)
  }

  async #makeRoom(rows: Rows): Promise<Person | undefined> {
    const unknown = [...this.#known].filter(([, one]) => !one.isKept)
    if (unknown.length <= maxStrangers) return undefined
    const [id] = unknown.reduce((oldest, one) => (one[1].heardAt < oldest[1].heardAt ? one : oldest))
    const stored = await rows.get(this.#row(id))
    this.#known.delete(id)
    rows.remove(this.#row(id))
    const forgotten = stored && decodePerson(stored)
    for (const { row } of forgotten?.sessions ?? []) rows.remove(row)
    return forgotten
  }

  /** All who are remembered, in no order. */
  async *all(): AsyncGenerator<Person> {
    for await (const { value } of this.#database.scan({ prefix: 'person/' })) yield decodePerson(value)
  }

  /** The contacts among them. */
  async *contacts(): AsyncGenerator<Person> {
    for await (const person of this.all()) if (areContacts(person.handshake)) yield person
  }
}
