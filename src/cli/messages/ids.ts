/** Ids as a person gives them: whole, or the beginning of one that is known, as far as it is the only one. */
import { WaypostError } from '../../core/errors.ts'
import type { Messenger } from '../../messaging/messenger/messenger.ts'

/** Characters of a beginning at the least. Names are no ids: anybody may take any. */
const leastCharacters = 8

/** Characters of an id that a person is shown: enough to tell people apart who do not try to be mistaken. */
const shownCharacters = 14

/** The id among `known` that `given` is, or begins. Throws `cli/bad-usage`. */
export function idAmong(given: string, known: readonly string[], what: string): string {
  if (known.includes(given)) return given
  const found = given.length < leastCharacters ? [] : known.filter((id) => id.startsWith(given))
  const [id] = found
  if (id !== undefined && found.length === 1) return id
  const why =
    found.length > 1
      ? `${found.length} ids begin with ${given}: give more of it`
      : `there is no ${what} ${given.slice(0, 140)}: give its id, or at least ${leastCharacters} characters of its beginning`
  throw new WaypostError('cli/bad-usage', { why })
}

export async function chatGiven(me: Messenger, given: string): Promise<string> {
  return idAmong(
    given,
    (await me.chats()).map(({ id }) => id),
    'chat',
  )
}

export async function groupGiven(me: Messenger, given: string): Promise<string> {
  const groups = (await me.chats()).filter(({ kind }) => kind === 'group')
  return idAmong(
    given,
    groups.map(({ id }) => id),
    'group',
  )
}

export async function personGiven(me: Messenger, given: string): Promise<string> {
  return idAmong(
    given,
    (await me.contacts()).map(({ id }) => id),
    'person',
  )
}

/** An id, shortened for a person. */
export function shortId(id: string): string {
  return id.length <= shownCharacters ? id : `${id.slice(0, shownCharacters)}..`
}
