import t from 'tap'
import { deleteMessage, editMessage, emojiReaction, pinMessage } from '../../../src/messaging/application/chat.ts'
import { noClaims, withDeletion, withEdit, withPin, withReaction } from '../../../src/messaging/conversation/claims.ts'
import { decodeMessageRow, encodeMessageRow } from '../../../src/messaging/conversation/claims-codec.ts'

t.test('claims come back as they were, numbers that nobody knows too', async (t) => {
  let claims = withPin(noClaims, 'alice', pinMessage.decode(pinMessage.encode({ clock: 2n ** 63n, pinned: true })))
  claims = withDeletion(claims, 'bob', deleteMessage.decode(deleteMessage.encode({ clock: 1n })))
  for (const number of [1, 2 ** 31 - 1, -1, -(2 ** 31)]) {
    const reaction = emojiReaction.decode(emojiReaction.encode({ clock: 2n, emotion: number }))
    claims = withReaction(claims, 'bob', reaction)
    const edit = editMessage.decode(editMessage.encode({ clock: 3n, text: 'hello', contentType: number }))
    claims = withEdit(claims, `p${number}`, edit)
  }
  const row = { at: 'history/1', claims }
  t.same(decodeMessageRow(encodeMessageRow(row)), row)
  const damaged = encodeMessageRow(row).subarray(0, -1)
  t.equal(decodeMessageRow(damaged), undefined)
})
