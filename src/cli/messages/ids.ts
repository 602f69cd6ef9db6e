/** Ids as a person gives them: whole, or the beginning of one that is known, as far as it is the only one. */
import { WaypostError } from '../../core/errors.ts'
import type { CommunityInfo, Messenger } from '../../messaging/messenger/messenger.ts'

/** Characters of a beginning at the least. Names are no ids: anybody may take any. */
const leastCharacters = 8

/** Characters of an id that a person is shown: enough to tell people apart who do not try to be mistaken. */
const shownCharacters = 14

/** What has the id among `known` that `given` is, or begins. Throws `cli/bad-usage`. */
export function oneAmong<One extends { readonly id: string }>(given: string, known: readonly One[], what: string): One {
  const whole = known.find(({ id }) => id === given)
  if (whole !== undefined) return whole
  const found = given.length < leastCharacters ? [] : known.filter(({ id }) => id.startsWith(given))
  const [one] = found
  if (one !== undefined && found.length === 1) return one
  const why =
    found.length > 1
      ? `${found.length} ids begin with ${given}: give more of it`
      : `there is no ${what} ${given.slice(0, 140)}: give its id, or at least ${leastCharacters} characters of its beginning`
  throw new WaypostError('cli/bad-usage', { why })
}

/** The id among `known` that `given` is, or begins. Throws `cli/bad-usage`. */
export function idAmong(given: string, known: readonly string[], what: string): string {
  return oneAmong(
    given,
    known.map((id) => ({ id })),
    what,
  ).id
}

/** A chat by its id; the channel of a community also as `<community>/<its name>`. */
export async function chatGiven(me: Messenger, given: string): Promise<string> {
  const chats = await me.chats()
  const slash = given.indexOf('/')
  if (slash === -1 || chats.some(({ id }) => id === given)) return oneAmong(given, chats, 'chat').id
  return channelGiven(await communityGiven(me, given.slice(0, slash)), given.slice(slash + 1))
}

export async function communityGiven(me: Messenger, given: string): Promise<CommunityInfo> {
  return oneAmong(given, await me.communities(), 'community')
}

/** A channel by its name, where it is the only one of it, or by its id. Its name is the word of the community alone. */
export function channelGiven({ channels }: CommunityInfo, given: string): string {
  const [named, ...others] = channels.filter(({ name }) => name === given)
  return named !== undefined && others.length === 0 ? named.id : oneAmong(given, channels, 'channel').id
}

export async function groupGiven(me: Messenger, given: string): Promise<string> {
  const groups = (await me.chats()).filter(({ kind }) => kind === 'group')
  return oneAmong(given, groups, 'group').id
}

export async function personGiven(me: Messenger, given: string): Promise<string> {
  return oneAmong(given, await me.contacts(), 'person').id
}

const wholeId = /^0x04[0-9a-f]{128}$/

/** Anybody by the whole id, or one of `known`. */
export function anybodyGiven(given: string, known: readonly string[]): string {
  return wholeId.test(given) ? given : idAmong(given, known, 'person')
}

/** An id, shortened for a person. */
export function shortId(id: string): string {
  return id.length <= shownCharacters ? id : `${id.slice(0, shownCharacters)}..`
}
