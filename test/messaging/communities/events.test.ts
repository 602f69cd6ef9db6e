import t from 'tap'
import { Access, type CommunityDescription, Role } from '../../../src/messaging/application/community.ts'
import { newCommunity, withBan, withChannel, withMember } from '../../../src/messaging/communities/description.ts'
import { CommunityEventType, signCommunityEvent, withEvents } from '../../../src/messaging/communities/events.ts'
import { KeyPair, userId } from '../../../src/messaging/keys.ts'

const now = 1_700_000_000_000
const [club, owner, admin, bob] = [1, 2, 3, 4].map((seed) => KeyPair.fromSecret(Buffer.alloc(32, seed))) as [
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
]
const id = (pair: KeyPair) => userId(pair.publicKey)

const members = [admin, bob].reduce(
  (description, pair) => withMember(description, id(pair), now),
  withChannel(
    newCommunity({ key: club.publicKey, owner: owner.publicKey, name: 'club' }, now),
    'a',
    { name: 'a' },
    now,
  ),
)
const base: CommunityDescription = {
  ...members,
  members: new Map(members.members).set(id(admin), { ...members.members.get(id(admin))!, roles: [Role.admin] }),
}
const event = (type: number, draft: object, by = admin, clock = 1n) => signCommunityEvent({ clock, type, ...draft }, by)
const channel = base.chats.get('a')!

t.test('an admin makes, edits and removes channels, and edits the community', async (t) => {
  const make = event(CommunityEventType.channelCreated, { channel: { channelId: 'b', channel } })
  t.same([...withEvents(base, [make], now).chats.keys()], ['a', 'b'])
  t.same(withEvents(base, [make], now).chats.get('b')?.members, base.members)
  const identity = { ...channel.identity, displayName: 'x' }
  const rename = event(CommunityEventType.channelEdited, {
    channel: { channelId: 'a', channel: { ...channel, identity } },
  })
  t.equal(withEvents(base, [rename], now).chats.get('a')?.identity?.displayName, 'x')
  const remove = event(CommunityEventType.channelDeleted, { channel: { channelId: 'a' } })
  t.same([...withEvents(base, [remove], now).chats.keys()], [])
  const permissions = { access: Access.manualAccept }
  const edit = event(CommunityEventType.edit, { config: { permissions, introMessage: 'hi' } })
  t.match(withEvents(base, [edit], now), { introMessage: 'hi', permissions })
})

t.test('an admin puts members out, but nobody of its own rank or above', async (t) => {
  for (const type of [CommunityEventType.memberKicked, CommunityEventType.memberBanned]) {
    const against = (target: KeyPair, by: KeyPair) =>
      withEvents(base, [event(type, { memberToAction: id(target) }, by)], now).members.has(id(target))
    t.equal(against(bob, admin), false)
    t.equal(against(admin, owner), false)
    t.equal(against(owner, admin), true)
    t.equal(against(admin, admin), true)
    t.equal(against(admin, bob), true)
  }
  const banned = withBan(base, id(bob), now)
  const unban = event(CommunityEventType.memberUnbanned, { memberToAction: id(bob) })
  t.equal(withEvents(banned, [unban], now).bannedMembers.size, 0)
})

t.test('what is signed by a member, by a stranger or by nobody changes nothing', async (t) => {
  const draft = { channel: { channelId: 'a' } }
  const stranger = KeyPair.generate()
  const forged = { ...event(CommunityEventType.channelDeleted, draft), signature: new Uint8Array(65) }
  const refused = [bob, stranger].map((by) => event(CommunityEventType.channelDeleted, draft, by))
  t.equal(withEvents(base, [...refused, forged], now), base)
})

t.test('an event that would leave what others refuse changes nothing, nor does one that is not known', async (t) => {
  const events = [
    event(CommunityEventType.edit, { config: {} }),
    event(CommunityEventType.channelCreated, { channel: { channelId: 'b' } }),
    event(CommunityEventType.channelCreated, { channel: { channelId: 'b', channel: { ...channel, categoryId: 'c' } } }),
    event(CommunityEventType.channelCreated, { channel: { channelId: 'a', channel } }),
    event(CommunityEventType.channelEdited, { channel: { channelId: 'b', channel } }),
    event(99, {}),
  ]
  t.equal(withEvents(base, events, now), base)
})

t.test('events count in the order of their clocks, whatever order they came in', async (t) => {
  const make = event(CommunityEventType.channelCreated, { channel: { channelId: 'b', channel } }, admin, 1n)
  const remove = event(CommunityEventType.channelDeleted, { channel: { channelId: 'b' } }, admin, 2n)
  for (const events of [
    [make, remove],
    [remove, make],
  ])
    t.same([...withEvents(base, events, now).chats.keys()], ['a'])
  const out = event(CommunityEventType.memberKicked, { memberToAction: id(admin) }, owner, 1n)
  t.equal(withEvents(base, [remove, out], now).chats.size, 1, 'who was put out before does nothing more')
})
