import fc from 'fast-check'
import t from 'tap'
import {
  Access,
  ChannelRole,
  type CommunityDescription,
  communityDescription,
  communityRequestToJoin,
} from '../../../src/messaging/application/community.ts'
import { signPayload } from '../../../src/messaging/application/metadata.ts'
import { ApplicationType } from '../../../src/messaging/application/types.ts'
import {
  chatIdsOf,
  descriptionFault,
  isEncrypted,
  laterDescription,
  newCommunity,
  openDescription,
  privateParts,
  signDescription,
  withBan,
  withChannel,
  withMember,
  withoutBan,
  withoutChannel,
  withoutMember,
} from '../../../src/messaging/communities/description.ts'
import { postFault, requestVerdict } from '../../../src/messaging/communities/members.ts'
import { maxCollidingKeys } from '../../../src/messaging/encryption/protocol-message.ts'
import { rekeyIndex } from '../../../src/messaging/encryption/rekey.ts'
import { KeyPair, userId } from '../../../src/messaging/keys.ts'
import { communityId } from '../../../src/messaging/topics.ts'
import { holds } from '../../kit/property.ts'

const now = 1_700_000_000_000
const [club, owner, bob, carol] = [1, 2, 3, 4].map((seed) => KeyPair.fromSecret(Buffer.alloc(32, seed))) as [
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
]
const [ownerId, bobId, carolId] = [owner, bob, carol].map((pair) => userId(pair.publicKey)) as [string, string, string]

const fresh = newCommunity({ key: club.publicKey, owner: owner.publicKey, name: 'club', color: '#fff' }, now)
const general = withChannel(fresh, 'general', { name: 'general' }, now)
const withBob = withMember(general, bobId, now)

t.test('a new community has its owner, its id and its looks, and is what status-go takes', async (t) => {
  t.same([...fresh.members.keys()], [ownerId])
  t.equal(fresh.id, communityId(club.publicKey))
  t.match(fresh.identity, { displayName: 'club', color: '#fff' })
  t.equal(descriptionFault(fresh), undefined)
  t.same(chatIdsOf(general, club.publicKey), [`${fresh.id}general`])
})

t.test('a description comes back as it was published, the members of its channels too', async (t) => {
  const { body } = signDescription(withBob, club)
  t.same(openDescription(body, club.publicKey), withBob)
  t.same([...withBob.chats.get('general')!.members.keys()], [ownerId, bobId])
  t.ok(
    body.length < signPayload(25, communityDescription.encode(withBob), club).body.length,
    'without them it is shorter',
  )
})

t.test('a channel that needs a token keeps its own members', async (t) => {
  const permission = { id: 'p', type: 3, criteria: [], chatIds: [`${fresh.id}vip`], isPrivate: false }
  const gated = { ...withChannel(general, 'vip', { name: 'vip' }, now), tokenPermissions: new Map([['p', permission]]) }
  const opened = openDescription(signDescription(withMember(gated, bobId, now), club).body, club.publicKey)
  if (typeof opened === 'string') return t.fail(opened)
  t.same([...opened.chats.get('vip')!.members.keys()], [ownerId])
  t.same([...opened.chats.get('general')!.members.keys()], [ownerId, bobId])
})

t.test('only the community itself describes it', async (t) => {
  const signed = (draft: Partial<CommunityDescription>, by: KeyPair, type = 25) =>
    openDescription(
      signPayload(type as 25, communityDescription.encode({ ...fresh, ...draft }), by).body,
      club.publicKey,
    )
  t.type(signed({}, club), 'object')
  t.type(signed({ id: '' }, club), 'object', 'one that does not say whose it is')
  t.equal(signed({}, owner), 'not the community')
  t.equal(signed({ id: communityId(owner.publicKey) }, club), 'not the community')
  t.equal(signed({}, club, ApplicationType.chatMessage), 'malformed')
  t.equal(openDescription(new Uint8Array(0), club.publicKey), 'not signed')
})

const chat = general.chats.get('general')!
const faults: readonly { what: string; draft: Partial<CommunityDescription>; fault: string }[] = [
  { what: 'without permissions', draft: { permissions: undefined }, fault: 'no permissions' },
  {
    what: 'with a channel without permissions',
    draft: { chats: new Map([['x', { ...chat, permissions: undefined }]]) },
    fault: 'no permissions',
  },
  {
    what: 'with a channel without identity',
    draft: { chats: new Map([['x', { ...chat, identity: undefined }]]) },
    fault: 'no identity',
  },
  {
    what: 'with a channel in no category',
    draft: { chats: new Map([['x', { ...chat, categoryId: 'c' }]]) },
    fault: 'unknown category',
  },
  {
    what: 'with a category without a name',
    draft: { categories: new Map([['c', { categoryId: 'c', name: '', position: 0 }]]) },
    fault: 'unnamed category',
  },
  {
    what: 'with a stranger in a channel',
    draft: { chats: new Map([['x', { ...chat, members: withBob.members }]]) },
    fault: 'stranger in a channel',
  },
]

for (const { what, draft, fault } of faults)
  t.test(`a description ${what} is refused`, async (t) => {
    t.equal(descriptionFault({ ...general, ...draft }), fault)
  })

t.test('a change is later than what it changes, and changes nothing else', async (t) => {
  const before = structuredClone([...withBob.members.keys()])
  const after = withBan(withBob, bobId, now - 5000)
  t.equal(after.clock, withBob.clock + 1n, 'also when the time went back')
  t.same([...withBob.members.keys()], before)
  t.equal(withMember(withBob, bobId, now), withBob, 'somebody who is in is not let in again')
  t.equal(laterDescription(withBob, after), after)
  t.equal(laterDescription(after, withBob), after)
  t.not(laterDescription(after, { ...after }), after, 'of the same clock it is the one received')
})

t.test('who is let in may write, who is put out may not, and who is banned does not come back', async (t) => {
  const may = (
    description: CommunityDescription,
    id = bobId,
    payload: 'chatMessage' | 'pinMessage' | 'emojiReaction' = 'chatMessage',
  ) => postFault(description, id, 'general', payload)
  t.equal(may(general), 'not a member')
  t.equal(may(withBob), undefined)
  t.equal(may(withoutMember(withBob, bobId, now)), 'not a member')
  const banned = withBan(withBob, bobId, now)
  t.equal(may(banned), 'banned')
  t.equal(banned.chats.get('general')!.members.has(bobId), false)
  t.equal(may({ ...banned, banList: [] }), 'banned', 'by either list')
  t.equal(may(withoutBan(banned, bobId, now)), 'not a member')
  t.equal(postFault(withBob, bobId, 'elsewhere', 'chatMessage'), 'no such channel')
  t.equal(postFault(withoutChannel(withBob, 'general', now), bobId, 'general', 'chatMessage'), 'no such channel')
  t.equal(may(withBob, bobId, 'pinMessage'), 'not a poster')
  t.equal(may(withBob, ownerId, 'pinMessage'), undefined)
  t.equal(may({ ...withBob, adminSettings: { membersMayPin: true } }, bobId, 'pinMessage'), undefined)
})

t.test('a viewer reads, and reacts where that is allowed', async (t) => {
  const viewer = { ...withBob.members.get(bobId)!, channelRole: ChannelRole.viewer }
  const withViewer = (viewersCanPostReactions: boolean) => ({
    ...withBob,
    chats: new Map([['general', { ...chat, viewersCanPostReactions, members: new Map([[bobId, viewer]]) }]]),
  })
  t.equal(postFault(withViewer(true), bobId, 'general', 'chatMessage'), 'not a poster')
  t.equal(postFault(withViewer(true), bobId, 'general', 'emojiReaction'), undefined)
  t.equal(postFault(withViewer(false), bobId, 'general', 'emojiReaction'), 'not a poster')
})

t.test('a request to join is accepted, asked about, or refused', async (t) => {
  const seconds = BigInt(now / 1000)
  const request = communityRequestToJoin.decode(communityRequestToJoin.encode({ clock: seconds }))
  const verdict = (description: CommunityDescription, clock = seconds) =>
    requestVerdict(description, bobId, { ...request, clock }, now)
  const permissions = { ensOnly: false, private: false, access: Access.manualAccept }
  t.equal(verdict(fresh), 'accept')
  t.equal(verdict({ ...fresh, permissions }), 'ask')
  t.equal(verdict({ ...fresh, permissions: { ...permissions, access: Access.invitationOnly } }), 'closed')
  t.equal(verdict({ ...fresh, permissions: { ...permissions, ensOnly: true } }), 'no ENS name')
  t.equal(verdict(withBob), 'is a member')
  t.equal(verdict(withBan(withBob, bobId, now)), 'banned')
  t.equal(verdict(fresh, seconds - 7n * 86_400n + 1n), 'accept')
  t.equal(verdict(fresh, seconds - 7n * 86_400n), 'expired')
})

t.test('of an encrypted one only members read who is in it and which channels it has', async (t) => {
  const secret = { ...withBob, encrypted: true }
  const [name, bytes] = ['a'.repeat(64), Buffer.from('under a key')]
  const { body } = signDescription(secret, club, [name, bytes])
  const outside = openDescription(body, club.publicKey)
  t.match(outside, { encrypted: true, identity: { displayName: 'club' }, privateData: new Map([[name, bytes]]) })
  for (const text of [bobId, ownerId, 'general']) t.notOk(Buffer.from(body).includes(text), text)
  for (const text of [bobId, ownerId, 'general'])
    t.ok(Buffer.from(signDescription(withBob, club).body).includes(text), `control: ${text}`)
  const inside = openDescription(body, club.publicKey, privateParts(secret))
  t.same(inside, { ...secret, privateData: new Map([[name, bytes]]) })
  t.equal(openDescription(body, club.publicKey, Buffer.from('no parts')), 'malformed')
})

t.test('a community is encrypted when it says so, or when whoever joins needs a token', async (t) => {
  const needing = (type: number) => {
    const permission = { id: 'p', type, criteria: [], chatIds: [], isPrivate: false }
    return { ...fresh, tokenPermissions: new Map([['p', permission]]) }
  }
  t.notOk(isEncrypted(fresh))
  t.ok(isEncrypted({ ...fresh, encrypted: true }))
  t.ok(isEncrypted(needing(2)))
  t.notOk(isEncrypted(needing(1)), 'to become an admin')
})

t.test('whom a rekey would have no room for is not let in', async (t) => {
  const request = communityRequestToJoin.decode(communityRequestToJoin.encode({ clock: BigInt(now / 1000) }))
  const alike = (count: number) => {
    const ids = Array.from({ length: count }, (_, n) => bobId.slice(0, 12) + `${n}`.padStart(120, '0'))
    return new Map(ids.map((id) => [id, withBob.members.get(bobId)!]))
  }
  const verdict = (count: number, encrypted = true) =>
    requestVerdict({ ...fresh, encrypted, members: alike(count) }, bobId, request, now)
  t.equal(rekeyIndex(bob.publicKey), Buffer.from(bobId.slice(4, 12), 'hex').readUInt32LE())
  t.equal(verdict(maxCollidingKeys - 1), 'accept')
  t.equal(verdict(maxCollidingKeys), 'no room')
  t.equal(verdict(maxCollidingKeys, false), 'accept', 'an open one has no keys to give')
})

t.test('channels are added at the end, renamed, and removed', async (t) => {
  const two = withChannel(general, 'random', { name: 'random', emoji: '🎲' }, now)
  t.same(
    [...two.chats.values()].map(({ position }) => position),
    [0, 1],
  )
  const renamed = withChannel(two, 'general', { name: 'hall' }, now)
  t.match(renamed.chats.get('general'), { identity: { displayName: 'hall' }, position: 0 })
  t.same([...withoutChannel(renamed, 'general', now).chats.keys()], ['random'])
})

t.test('any changes leave a description that status-go takes, with a later clock', async (t) => {
  const changes = fc.array(
    fc.tuple(fc.constantFrom('in', 'out', 'ban', 'unban', 'channel', 'no channel'), fc.constantFrom(bobId, carolId)),
  )
  holds(
    t,
    fc.property(changes, (steps) => {
      let description = general
      for (const [what, id] of steps) {
        const next = {
          in: () => withMember(description, id, now),
          out: () => withoutMember(description, id, now),
          ban: () => withBan(description, id, now),
          unban: () => withoutBan(description, id, now),
          channel: () => withChannel(description, id.slice(0, 9), { name: 'x' }, now),
          'no channel': () => withoutChannel(description, id.slice(0, 9), now),
        }[what]!()
        if (next !== description && next.clock <= description.clock) return false
        description = next
        if (descriptionFault(description) !== undefined) return false
      }
      t.same(openDescription(signDescription(description, club).body, club.publicKey), description)
      return true
    }),
    { numRuns: 40 },
  )
})
