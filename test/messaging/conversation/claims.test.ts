import fc from 'fast-check'
import t from 'tap'
import {
  ContentType,
  deleteMessage,
  Emotion,
  editMessage,
  emojiReaction,
  pinMessage,
} from '../../../src/messaging/application/chat.ts'
import {
  type Claims,
  maxClaims,
  maxClaimsOfOne,
  noClaims,
  type Powers,
  shown,
  withDeletion,
  withEdit,
  withPin,
  withReaction,
} from '../../../src/messaging/conversation/claims.ts'
import { holds } from '../../kit/property.ts'

const nobody: Powers = { mayDelete: () => false, mayPin: () => false }
const admin: Powers = { mayDelete: (id) => id === 'admin', mayPin: (id) => id === 'admin' }
const written = { from: 'alice', text: 'helo', contentType: ContentType.text }

const edit = (clock: bigint, text: string, contentType: number = ContentType.text) =>
  editMessage.decode(editMessage.encode({ clock, text, contentType }))
const deletion = (clock: bigint) => deleteMessage.decode(deleteMessage.encode({ clock }))
const reaction = (clock: bigint, emotion: number, retracted = false) =>
  emojiReaction.decode(emojiReaction.encode({ clock, emotion, retracted }))
const pin = (clock: bigint, pinned = true) => pinMessage.decode(pinMessage.encode({ clock, pinned }))

t.test('a message is shown as its author edited it last', async (t) => {
  const claims = withEdit(withEdit(noClaims, 'alice', edit(3n, 'hello')), 'alice', edit(2n, 'hallo'))
  t.match(shown(written, claims, nobody), { text: 'hello', editedAt: 3n })
  const forged = withEdit(claims, 'mallory', edit(9n, 'I owe mallory'))
  t.match(shown(written, forged, admin), { text: 'hello', editedAt: 3n }, 'and by nobody else')
})

t.test('an edit does not make a request of a text, nor a text of a picture', async (t) => {
  const request = withEdit(noClaims, 'alice', edit(2n, 'x', ContentType.contactRequest))
  t.match(shown(written, request, nobody), { contentType: ContentType.text })
  const picture = { ...written, contentType: ContentType.image }
  t.match(shown(picture, withEdit(noClaims, 'alice', edit(2n, 'x')), nobody), {
    contentType: ContentType.image,
    text: 'x',
  })
  const emoji = withEdit(noClaims, 'alice', edit(2n, '🙂', ContentType.emoji))
  t.match(shown(written, emoji, nobody), { contentType: ContentType.emoji }, 'the control')
})

t.test('its author and those who run the chat delete a message, others do not', async (t) => {
  t.equal(shown(written, withDeletion(noClaims, 'alice', deletion(2n)), nobody).deletedBy, 'alice')
  const byAdmin = withDeletion(noClaims, 'admin', deletion(2n))
  t.equal(shown(written, byAdmin, admin).deletedBy, 'admin')
  t.equal(shown(written, byAdmin, nobody).deletedBy, undefined)
})

t.test('a reaction stands until it is taken back', async (t) => {
  let claims = withReaction(noClaims, 'bob', reaction(2n, Emotion.love))
  claims = withReaction(claims, 'carol', reaction(3n, Emotion.love))
  claims = withReaction(claims, 'bob', reaction(2n, Emotion.sad))
  t.same(Object.fromEntries(shown(written, claims, nobody).reactions), {
    [Emotion.love]: ['bob', 'carol'],
    [Emotion.sad]: ['bob'],
  })
  claims = withReaction(claims, 'bob', reaction(4n, Emotion.love, true))
  claims = withReaction(claims, 'bob', reaction(3n, Emotion.love))
  t.same(shown(written, claims, nobody).reactions.get(Emotion.love), ['carol'])
})

t.test('the last who may pin says whether a message is pinned', async (t) => {
  const claims = withPin(withPin(noClaims, 'admin', pin(2n)), 'mallory', pin(3n, false))
  t.equal(shown(written, claims, admin).pinned, true)
  t.equal(shown(written, withPin(claims, 'admin', pin(4n, false)), admin).pinned, false)
})

/** Claims of anybody, of every kind; clocks repeat. */
const claims = fc.array(
  fc.tuple(
    fc.constantFrom('edit', 'delete', 'react', 'pin'),
    fc.constantFrom('alice', 'bob', 'admin'),
    fc.bigInt({ min: 1n, max: 4n }),
    fc.boolean(),
  ),
  { maxLength: 20 },
)

const add: Readonly<Record<string, (to: Claims, from: string, clock: bigint, flag: boolean) => Claims>> = {
  edit: (to, from, clock, flag) => withEdit(to, from, edit(clock, flag ? 'a' : 'b')),
  delete: (to, from, clock) => withDeletion(to, from, deletion(clock)),
  react: (to, from, clock, flag) => withReaction(to, from, reaction(clock, Emotion.love, flag)),
  pin: (to, from, clock, flag) => withPin(to, from, pin(clock, flag)),
}

t.test('claims make the same of a message in whatever order they come', async (t) => {
  const shuffled = claims.chain((some) =>
    fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length })),
  )
  holds(
    t,
    fc.property(shuffled, ([some, others]) => {
      const all = (list: typeof some) =>
        list.reduce((to, [what, from, clock, flag]) => add[what]!(to, from, clock, flag), noClaims)
      t.same(shown(written, all(others), admin), shown(written, all(some), admin))
    }),
    { numRuns: 300 },
  )
})

t.test('claims about one message are bounded, and the earliest make room', async (t) => {
  let claims = noClaims
  for (let index = 0; index <= maxClaims; index += 1)
    claims = withReaction(claims, `p${index}`, reaction(BigInt(index + 1), Emotion.love))
  t.equal(claims.reactions.size, maxClaims)
  t.equal(claims.reactions.has(`p0 ${Emotion.love}`), false)
  t.equal(claims.reactions.has(`p${maxClaims} ${Emotion.love}`), true)
})

/** Claims of so many people, each by a later clock. */
function crowd(to: Claims, count: number, author?: string): Claims {
  let claims = to
  for (let index = 0; index < count; index += 1) {
    claims = withEdit(claims, `p${index}`, edit(BigInt(100 + index), 'mine'), author)
    claims = withDeletion(claims, `p${index}`, deletion(BigInt(100 + index)), author)
  }
  return claims
}

t.test('a flood of claims does not push out those of who wrote the message', async (t) => {
  let claims = withDeletion(withEdit(noClaims, 'alice', edit(2n, 'hello')), 'alice', deletion(3n))
  claims = crowd(claims, maxClaims + 5, 'alice')
  t.same([claims.edits.size, claims.deletions.size], [1, maxClaims], 'of others no edit is kept')
  t.match(shown(written, claims, nobody), { text: 'hello', deletedBy: 'alice' })
  const before = crowd(noClaims, maxClaims)
  t.match(shown(written, withEdit(before, 'alice', edit(2n, 'hello'), 'alice'), nobody), { text: 'hello' })
  t.match(shown(written, withEdit(before, 'alice', edit(2n, 'hello')), nobody), { text: 'helo' }, 'the control')
})

t.test('one person does not fill the claims, and pushes out only his own', async (t) => {
  let claims = withReaction(noClaims, 'bob', reaction(1n, Emotion.love))
  for (let index = 0; index < maxClaims; index += 1)
    claims = withReaction(claims, 'mallory', reaction(BigInt(index + 2), index))
  t.same([claims.reactions.size, claims.reactions.has(`bob ${Emotion.love}`)], [maxClaimsOfOne + 1, true])
  t.ok(claims.reactions.has(`mallory ${maxClaims - 1}`))
})

t.test('the message may come before its claims, among them, or after them', async (t) => {
  const claimed = (at: number) => {
    let claims = noClaims
    for (let index = 0; index < maxClaims + 20; index += 1) {
      const author = index >= at ? 'p30' : undefined
      claims = withReaction(claims, `p${index}`, reaction(BigInt(index + 1), Emotion.love), author)
      claims = withReaction(claims, `p${index}`, reaction(BigInt(index + 1), Emotion.sad), author)
      if (index === 600) claims = withReaction(claims, 'p30', reaction(9000n, Emotion.laugh), author)
    }
    return [...claims.reactions.keys()].sort()
  }
  const kept = claimed(0)
  t.ok(kept.includes(`p30 ${Emotion.love}`))
  t.same(claimed(500), kept)
})
