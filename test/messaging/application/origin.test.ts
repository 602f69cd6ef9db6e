import t from 'tap'
import { ChatKind } from '../../../src/messaging/application/chat.ts'
import { type Origin, originFault, type Place } from '../../../src/messaging/application/origin.ts'
import {
  type Payload,
  type PayloadName,
  readPayload,
  writePayload,
} from '../../../src/messaging/application/payloads.ts'
import { ApplicationType } from '../../../src/messaging/application/types.ts'
import { KeyPair, uncompress, userId } from '../../../src/messaging/keys.ts'
import { communityId } from '../../../src/messaging/topics.ts'

const [me, alice, mallory, community] = [1, 2, 3, 4].map((seed) => {
  const pair = KeyPair.fromSecret(Buffer.alloc(32, seed))
  return uncompress(pair.publicKey)
}) as [Key, Key, Key, Key]
type Key = ReturnType<typeof uncompress>

const club = communityId(community)
const clubBytes = Buffer.from(club.slice(2), 'hex')
const places = {
  private: { kind: 'private' },
  aliceCode: { kind: 'contact code', of: alice },
  lounge: { kind: 'public chat', name: 'lounge' },
  club: { kind: 'community', id: club, key: community },
  clubControl: { kind: 'community control', id: club },
} as const satisfies Record<string, Place>

function payload<Name extends PayloadName>(name: Name, draft: Parameters<typeof writePayload<Name>>[1]): Payload {
  const read = readPayload(ApplicationType[name], writePayload(name, draft))
  if (typeof read === 'string') throw new Error(read)
  return read
}

/** What `sender` sent, all layers agreeing, through a session unless said otherwise. */
function from(sender: Key, place: Place, protection: Origin['protection'] = 'session'): Origin {
  const encryption = protection === 'session' || protection === 'static' ? { encryption: sender } : {}
  return { place, protection, application: sender, transport: sender, ...encryption }
}

const toMe = payload('chatMessage', { chatId: userId(me), kind: ChatKind.oneToOne })
const toAlice = payload('chatMessage', { chatId: userId(alice), kind: ChatKind.oneToOne })
const inLounge = payload('chatMessage', { chatId: 'lounge', kind: ChatKind.publicChat })
const inGroup = payload('chatMessage', { chatId: 'g', kind: ChatKind.privateGroup })
const inClub = payload('editMessage', { chatId: `${club}uuid`, kind: ChatKind.community })
const clubItself = payload('editMessage', { chatId: club, kind: ChatKind.community })
const groupLog = payload('membershipUpdate', { chatId: 'g' })
const groupMessage = payload('membershipUpdate', {
  chatId: 'g',
  entity: { case: 'message', value: { chatId: 'g', kind: ChatKind.privateGroup } },
})
const strayMessage = payload('membershipUpdate', {
  chatId: 'g',
  entity: { case: 'message', value: { chatId: 'h', kind: ChatKind.privateGroup } },
})
const openInGroup = payload('membershipUpdate', {
  chatId: 'g',
  entity: { case: 'message', value: { chatId: 'g', kind: ChatKind.oneToOne } },
})
const identity = payload('chatIdentity', {})
const pairing = payload('syncPairInstallation', {})
const description = payload('communityDescription', {})
const joining = payload('communityRequestToJoin', { communityId: clubBytes })
const answer = payload('communityRequestToJoinResponse', { communityId: clubBytes })

const cases: readonly { what: string; payload: Payload; origin: Origin; fault?: string }[] = [
  { what: 'a message of a contact', payload: toMe, origin: from(alice, places.private) },
  { what: 'the same under static keys', payload: toMe, origin: from(alice, places.private, 'static') },
  { what: 'the same in clear', payload: toMe, origin: from(alice, places.private, 'open'), fault: 'not encrypted' },
  {
    what: "the same under a group's key",
    payload: toMe,
    origin: from(alice, places.private, 'group key'),
    fault: 'not encrypted',
  },
  { what: 'the same in a public chat', payload: toMe, origin: from(alice, places.lounge), fault: 'wrong place' },
  { what: 'a message for somebody else', payload: toAlice, origin: from(mallory, places.private), fault: 'wrong chat' },
  { what: 'a message of a device of ours', payload: toAlice, origin: from(me, places.private) },
  {
    what: "somebody's signed payload, handed on by another",
    payload: toMe,
    origin: { ...from(mallory, places.private), application: alice },
    fault: 'signers differ',
  },
  {
    what: "an envelope of another in somebody's session",
    payload: toMe,
    origin: { ...from(alice, places.private), transport: mallory },
    fault: 'signers differ',
  },
  {
    what: "a session of another in somebody's envelope",
    payload: toMe,
    origin: { ...from(alice, places.private), encryption: mallory },
    fault: 'signers differ',
  },
  {
    what: 'an envelope that nobody signed',
    payload: toMe,
    origin: { ...from(alice, places.private), transport: undefined },
    fault: 'signers differ',
  },
  { what: 'a message in a public chat', payload: inLounge, origin: from(alice, places.lounge, 'open') },
  {
    what: 'one of another chat',
    payload: inLounge,
    origin: from(alice, { kind: 'public chat', name: 'bar' }, 'open'),
    fault: 'wrong chat',
  },
  { what: 'one that came privately', payload: inLounge, origin: from(alice, places.private), fault: 'wrong place' },
  { what: 'a message about a group', payload: inGroup, origin: from(alice, places.private) },
  { what: 'one in clear', payload: inGroup, origin: from(alice, places.private, 'open'), fault: 'not encrypted' },
  { what: 'one elsewhere', payload: inGroup, origin: from(alice, places.club), fault: 'wrong place' },
  {
    what: 'a message in no channel',
    payload: clubItself,
    origin: from(alice, places.club, 'open'),
    fault: 'wrong chat',
  },
  { what: 'a message in a community', payload: inClub, origin: from(alice, places.club, 'group key') },
  { what: 'one in an open community', payload: inClub, origin: from(alice, places.club, 'open') },
  {
    what: 'one of another community',
    payload: inClub,
    origin: from(alice, { ...places.club, id: '0x02' }, 'open'),
    fault: 'wrong chat',
  },
  {
    what: 'a message of no kind of chat',
    payload: payload('chatMessage', { kind: 9 }),
    origin: from(alice, places.private),
    fault: 'wrong chat',
  },
  { what: 'the log of a group', payload: groupLog, origin: from(alice, places.private) },
  { what: 'one in clear', payload: groupLog, origin: from(alice, places.private, 'open'), fault: 'not encrypted' },
  { what: 'a message of a group', payload: groupMessage, origin: from(alice, places.private) },
  {
    what: 'a message of another group',
    payload: strayMessage,
    origin: from(alice, places.private),
    fault: 'wrong chat',
  },
  {
    what: 'a message of one to one in a group',
    payload: openInGroup,
    origin: from(alice, places.private),
    fault: 'wrong chat',
  },
  { what: 'a profile on its contact code', payload: identity, origin: from(alice, places.aliceCode, 'open') },
  {
    what: 'a profile on the contact code of another',
    payload: identity,
    origin: from(mallory, places.aliceCode, 'open'),
    fault: 'wrong place',
  },
  { what: 'a profile told privately', payload: identity, origin: from(alice, places.private) },
  { what: 'a pairing of our own device', payload: pairing, origin: from(me, places.private, 'static') },
  {
    what: 'a pairing of somebody else',
    payload: pairing,
    origin: from(alice, places.private, 'static'),
    fault: 'not ours',
  },
  { what: 'a pairing in clear', payload: pairing, origin: from(me, places.private, 'open'), fault: 'not encrypted' },
  { what: 'a backup', payload: payload('backup', {}), origin: from(me, places.private, 'open') },
  {
    what: 'a backup of somebody else',
    payload: payload('backup', {}),
    origin: from(alice, places.private, 'open'),
    fault: 'not ours',
  },
  { what: 'the description of a community', payload: description, origin: from(community, places.club, 'open') },
  {
    what: 'one in an envelope of its owner, as status-go posts it,',
    payload: description,
    origin: { ...from(community, places.club, 'open'), transport: alice },
  },
  { what: 'one by a member', payload: description, origin: from(alice, places.club, 'open'), fault: 'signers differ' },
  {
    what: 'one by a member in an envelope of the community',
    payload: description,
    origin: { ...from(community, places.club, 'open'), application: alice },
    fault: 'signers differ',
  },
  {
    what: 'one that came privately',
    payload: description,
    origin: from(community, places.private),
    fault: 'wrong place',
  },
  { what: 'presence in a community', payload: payload('statusUpdate', {}), origin: from(alice, places.club, 'open') },
  { what: 'a request to join', payload: joining, origin: from(alice, places.clubControl, 'open') },
  {
    what: 'one to join another',
    payload: joining,
    origin: from(alice, { ...places.clubControl, id: '0x02' }, 'open'),
    fault: 'wrong chat',
  },
  { what: 'one that came privately', payload: joining, origin: from(alice, places.private), fault: 'wrong place' },
  { what: 'an answer of the community', payload: answer, origin: from(community, places.private, 'open') },
  {
    what: 'one in an envelope of its owner, as status-go posts it,',
    payload: answer,
    origin: { ...from(community, places.private, 'open'), transport: alice },
  },
  {
    what: 'one in a session of its owner',
    payload: answer,
    origin: { ...from(community, places.private), transport: alice, encryption: alice },
    fault: 'signers differ',
  },
  {
    what: 'an answer of somebody else',
    payload: answer,
    origin: from(mallory, places.private, 'open'),
    fault: 'signers differ',
  },
]

for (const { what, payload, origin, fault } of cases)
  t.test(`${what} (${payload.name}) is ${fault ?? 'believed'}`, async (t) => {
    t.equal(originFault(payload, origin, me), fault)
  })

t.test('nothing is believed everywhere', async (t) => {
  for (const [name, type] of Object.entries(ApplicationType)) {
    const read = readPayload(type, new Uint8Array(0)) as Payload
    const faults = Object.values(places).map((place) => originFault(read, from(mallory, place, 'open'), me))
    t.ok(
      faults.some((fault) => fault !== undefined),
      name,
    )
  }
})
