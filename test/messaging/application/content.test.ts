import t from 'tap'
import type { chatMessage } from '../../../src/messaging/application/chat.ts'
import { AudioFormat, ChatKind, ContentType, ImageFormat } from '../../../src/messaging/application/chat.ts'
import { payloadFault } from '../../../src/messaging/application/content.ts'
import {
  type Payload,
  type PayloadName,
  readPayload,
  writePayload,
} from '../../../src/messaging/application/payloads.ts'
import { displayNameFault, textFault } from '../../../src/messaging/application/texts.ts'
import { ApplicationType } from '../../../src/messaging/application/types.ts'
import type { DraftOf } from '../../../src/messaging/schema.ts'

const sentAt = 1_700_000_000_000
const clock = BigInt(sentAt)

/** A payload as it is read after it was written. */
function payload<Name extends PayloadName>(name: Name, draft: Parameters<typeof writePayload<Name>>[1]): Payload {
  const read = readPayload(ApplicationType[name], writePayload(name, draft))
  if (typeof read === 'string') throw new Error(read)
  return read
}

type Chat = DraftOf<typeof chatMessage>

const text: Chat = {
  clock,
  timestamp: clock,
  text: 'hello',
  chatId: 'c',
  kind: ChatKind.oneToOne,
  contentType: ContentType.text,
  displayName: 'somebody',
}
const image: Chat = {
  ...text,
  text: '',
  contentType: ContentType.image,
  content: { case: 'image', value: { payload: Buffer.of(1), format: ImageFormat.png } },
}
const audio: Chat = {
  ...text,
  contentType: ContentType.audio,
  content: { case: 'audio', value: { payload: Buffer.of(1), format: AudioFormat.aac } },
}
const bridge: Chat = {
  ...text,
  text: '',
  contentType: ContentType.bridge,
  content: { case: 'bridge', value: { userName: 'a', bridgeName: 'b', content: 'c' } },
}

const chats: readonly { what: string; message: Chat; fault?: string }[] = [
  { what: 'a text', message: text },
  { what: 'a contact request', message: { ...text, contentType: ContentType.contactRequest } },
  { what: 'an emoji', message: { ...text, contentType: ContentType.emoji, text: '🙂' } },
  { what: 'a content that is not known yet', message: { ...text, contentType: 99 } },
  { what: 'an image without text', message: image },
  { what: 'an image with text', message: { ...image, text: 'look' } },
  { what: 'a sound', message: audio },
  { what: 'a sticker', message: { ...text, contentType: 2, content: { case: 'sticker', value: { hash: 'x' } } } },
  { what: 'a message from a bridge', message: bridge },
  { what: 'a text of 4096 characters', message: { ...text, text: '🙂'.repeat(4096) } },
  { what: 'no display name', message: { ...text, displayName: '' } },
  { what: 'no clock', message: { ...text, clock: 0n }, fault: 'no clock' },
  { what: 'a clock ahead', message: { ...text, clock: clock + 120_001n }, fault: 'clock ahead' },
  { what: 'no timestamp', message: { ...text, timestamp: 0n }, fault: 'no timestamp' },
  { what: 'no chat', message: { ...text, chatId: '' }, fault: 'no chat' },
  { what: 'no kind of chat', message: { ...text, kind: 0 }, fault: 'unknown kind of chat' },
  { what: 'the kind of a system message', message: { ...text, kind: 4 }, fault: 'unknown kind of chat' },
  { what: 'no content type', message: { ...text, contentType: 0 }, fault: 'unknown content' },
  { what: 'a content of a device', message: { ...text, contentType: 15 }, fault: 'content of a device' },
  { what: 'no text', message: { ...text, text: '' }, fault: 'blank text' },
  { what: 'white space', message: { ...text, text: ' \n\u2003\u0085' }, fault: 'blank text' },
  { what: 'white space under an image', message: { ...image, text: ' ' }, fault: 'blank text' },
  { what: 'a text of 4097 characters', message: { ...text, text: '🙂'.repeat(4097) }, fault: 'text too long' },
  { what: 'an image in a public chat', message: { ...image, kind: 2 }, fault: 'media in a public chat' },
  { what: 'a sound in a public chat', message: { ...audio, kind: 2 }, fault: 'media in a public chat' },
  { what: 'an image that is none', message: { ...image, content: undefined }, fault: 'no content' },
  { what: 'a sound for an image', message: { ...image, content: audio.content }, fault: 'no content' },
  {
    what: 'an image of no format',
    message: { ...image, content: { case: 'image', value: { payload: Buffer.of(1) } } },
    fault: 'no content',
  },
  {
    what: 'an empty image',
    message: { ...image, content: { case: 'image', value: { format: 1 } } },
    fault: 'no content',
  },
  {
    what: 'a sticker without its hash',
    message: { ...text, contentType: 2, content: { case: 'sticker', value: {} } },
    fault: 'no content',
  },
  {
    what: 'a bridge without a name',
    message: { ...bridge, content: { case: 'bridge', value: { content: 'c' } } },
    fault: 'no content',
  },
  { what: 'a display name that is too short', message: { ...text, displayName: 'abc' }, fault: 'bad display name' },
]

for (const { what, message, fault } of chats)
  t.test(`${what} in a chat is ${fault ?? 'taken'}`, async (t) => {
    t.equal(payloadFault(payload('chatMessage', message), sentAt), fault)
  })

const about = { clock, chatId: 'c', messageId: 'm', kind: ChatKind.oneToOne }
const group = `4fa2c41c-1e07-4d4f-9b0e-0b1f6a4c0f11-0x04${'1f'.repeat(64)}`
const communityId = Buffer.alloc(33, 2)

const others: readonly { what: string; payload: Payload; fault?: string }[] = [
  { what: 'an edit', payload: payload('editMessage', { ...about, text: 'x' }) },
  { what: 'an edit to nothing', payload: payload('editMessage', about), fault: 'blank text' },
  {
    what: 'an edit of nothing',
    payload: payload('editMessage', { ...about, text: 'x', messageId: '' }),
    fault: 'no message id',
  },
  {
    what: 'an edit without clock',
    payload: payload('editMessage', { ...about, text: 'x', clock: 0n }),
    fault: 'no clock',
  },
  { what: 'a deletion', payload: payload('deleteMessage', about) },
  { what: 'a deletion nowhere', payload: payload('deleteMessage', { ...about, chatId: '' }), fault: 'no chat' },
  {
    what: 'a deletion in no kind of chat',
    payload: payload('deleteMessage', { ...about, kind: 4 }),
    fault: 'unknown kind of chat',
  },
  { what: 'a reaction', payload: payload('emojiReaction', { ...about, emotion: 1 }) },
  { what: 'a reaction without emotion', payload: payload('emojiReaction', about), fault: 'unknown emotion' },
  { what: 'a pin', payload: payload('pinMessage', { ...about, pinned: true }) },
  { what: 'a contact update', payload: payload('contactUpdate', { clock, displayName: 'somebody' }) },
  {
    what: 'a contact update by nobody',
    payload: payload('contactUpdate', { clock, displayName: 'x' }),
    fault: 'bad display name',
  },
  { what: 'an acceptance', payload: payload('acceptContactRequest', { clock, id: 'x' }) },
  { what: 'an acceptance of nothing', payload: payload('acceptContactRequest', { clock }), fault: 'no message id' },
  { what: 'an empty contact code', payload: payload('contactCodeAdvertisement', {}) },
  { what: 'a presence', payload: payload('statusUpdate', { clock, status: 1 }) },
  { what: 'a presence of no kind', payload: payload('statusUpdate', { clock }), fault: 'unknown status' },
  {
    what: 'a presence that tells a story',
    payload: payload('statusUpdate', { clock, status: 1, customText: 'x'.repeat(129) }),
    fault: 'text too long',
  },
  {
    what: 'a pairing',
    payload: payload('syncPairInstallation', { clock, name: 'n', deviceType: 'd', installationId: 'i' }),
  },
  {
    what: 'a pairing of no device',
    payload: payload('syncPairInstallation', { clock, name: 'n', deviceType: 'd', installationId: ' ' }),
    fault: 'no installation',
  },
  { what: 'a group without a message', payload: payload('membershipUpdate', { chatId: group }) },
  {
    what: 'a group with a bad message',
    payload: payload('membershipUpdate', { chatId: group, entity: { case: 'message', value: { ...text, text: '' } } }),
    fault: 'blank text',
  },
  {
    what: 'a group with a bad reaction',
    payload: payload('membershipUpdate', { chatId: group, entity: { case: 'reaction', value: about } }),
    fault: 'unknown emotion',
  },
  { what: 'an invitation', payload: payload('groupChatInvitation', { chatId: group }) },
  ...[`\u0010\u000fx-${group.slice(-132)}`, `${group}\n`, group.toUpperCase(), group.slice(1)].flatMap(
    (chatId, index) => [
      { what: `group log ${index}`, payload: payload('membershipUpdate', { chatId }), fault: 'not a group' },
      { what: `invitation ${index}`, payload: payload('groupChatInvitation', { chatId }), fault: 'not a group' },
      {
        what: `pin in a group ${index}`,
        payload: payload('pinMessage', { ...about, kind: ChatKind.privateGroup, chatId }),
        fault: 'not a group',
      },
    ],
  ),
  {
    what: 'a contact update with clocks that stand',
    payload: payload('contactUpdate', {
      clock,
      contactRequestClock: clock,
      contactRequestState: { localClock: clock, remoteClock: 0n },
    }),
  },
  ...[{ localClock: clock * 2n }, { remoteClock: clock * 2n }].flatMap((contactRequestState) => [
    {
      what: `a contact update with ${Object.keys(contactRequestState)} ahead`,
      payload: payload('contactUpdate', { clock, contactRequestState }),
      fault: 'clock ahead',
    },
    {
      what: `a request with ${Object.keys(contactRequestState)} ahead`,
      payload: payload('chatMessage', { ...text, contactRequestState }),
      fault: 'clock ahead',
    },
  ]),
  {
    what: 'a contact update with its request ahead',
    payload: payload('contactUpdate', { clock, contactRequestClock: clock * 2n }),
    fault: 'clock ahead',
  },
  { what: 'a request to join', payload: payload('communityRequestToJoin', { clock, communityId }) },
  { what: 'a request to join nothing', payload: payload('communityRequestToJoin', { clock }), fault: 'no community' },
  { what: 'a kick', payload: payload('communityUserKicked', { clock, communityId }) },
  { what: 'a message that has no checks', payload: payload('syncChat', { id: 'x' }) },
]

for (const { what, payload, fault } of others)
  t.test(`${what} is ${fault ?? 'taken'}`, async (t) => {
    t.equal(payloadFault(payload, sentAt), fault)
  })

t.test('white space is what Go takes for it', async (t) => {
  t.equal(textFault('\ufeff'), undefined, 'a byte order mark is a character')
  t.equal(textFault('\u00a0'), 'blank text')
})

t.test('a display name is five to 24 letters, digits, spaces, _ and -', async (t) => {
  for (const name of ['', '  ', 'alice', ' alice ', 'A_b-c 1', 'x'.repeat(24)])
    t.equal(displayNameFault(name), undefined, name)
  for (const name of ['four', 'x'.repeat(25), 'alice.eth', 'ålice', 'alice🙂'])
    t.equal(displayNameFault(name), 'bad display name', name)
})
