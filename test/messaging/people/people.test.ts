/** Who is remembered. */
import t from 'tap'
import { steps } from '../../../src/messaging/contacts/handshake.ts'
import { KeyPair, uncompress, userId } from '../../../src/messaging/keys.ts'
import { maxStrangers, People } from '../../../src/messaging/people/people.ts'
import { decodePerson, encodePerson, stranger } from '../../../src/messaging/people/person.ts'
import { openDatabase } from '../../../src/messaging/storage/database.ts'

const alice = KeyPair.fromSecret(Buffer.alloc(32, 1)).publicKey

t.test('a person comes back from disk as it was', async (t) => {
  const handshake = steps.receive(steps.send(stranger(alice).handshake, 7n), 8n)
  const sessions = [{ row: 'secret/session/1', installation: 'phone', prekey: alice, at: 12, isLost: true }]
  const person = { ...stranger(alice), handshake, sessions, name: 'alice', hasWritten: true, heardAt: 99 }
  t.match(decodePerson(encodePerson(person)), { ...person, devices: Object, key: uncompress(alice) })
  t.throws(() => decodePerson(Buffer.from('nonsense')), { code: 'session/unreadable' })
})

t.test('strangers make room for each other, the one silent longest first; contacts never do', async (t) => {
  const rows = await openDatabase(`${t.testdir({})}/messages`, Buffer.alloc(32, 7))
  t.teardown(() => rows[Symbol.asyncDispose]())
  const people = await People.load(rows)
  const keys = Array.from({ length: maxStrangers + 2 }, (_, index) => {
    const secret = Buffer.alloc(32)
    secret.writeUInt32BE(index + 1, 28)
    return KeyPair.fromSecret(secret).publicKey
  })
  const [contact, oldest, ...others] = keys
  await rows.transaction(async (turn) => {
    const kept = { ...stranger(contact!), handshake: steps.send(stranger(contact!).handshake, 1n), heardAt: 0 }
    t.equal(await people.save(turn, kept), undefined)
    const sessions = [{ row: 'secret/session/1', installation: 'phone', prekey: oldest!, at: 12, isLost: false }]
    turn.put('secret/session/1', Buffer.from('session'))
    await people.save(turn, { ...stranger(oldest!), sessions, heardAt: 1 })
    const forgotten: string[] = []
    for (const [index, key] of others.entries()) {
      const gone = await people.save(turn, { ...stranger(key), heardAt: 2 + index })
      if (gone !== undefined) forgotten.push(userId(gone.key))
    }
    t.same(forgotten, [userId(oldest!)])
  })
  t.notOk(people.has(oldest!))
  t.ok(people.has(contact!))
  t.equal(await rows.get('secret/session/1'), undefined, 'and the session goes too')
})
