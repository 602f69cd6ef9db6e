import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { Pool } from '../../../src/archive/postgres/pool.ts'
import { Cutter, columnsOf } from '../../../src/archive/postgres/rows.ts'

/** A message of the protocol: a letter, its length, and what it says. */
function messageOf(letter: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.write(letter)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

function rowOf(columns: readonly (Uint8Array | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeInt16BE(columns.length)
  const parts = columns.map((column) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(column?.length ?? -1)
    return Buffer.concat([length, column ?? Buffer.alloc(0)])
  })
  return messageOf('D', Buffer.concat([count, ...parts]))
}

t.test('messages come out whole however the bytes of them came in', async (t) => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 })
  const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(bodies, sizes, (said, lengths) => {
      const messages = said.map((body) => messageOf('C', body))
      const bytes = Buffer.concat(messages)
      const cutter = new Cutter()
      const cut: Buffer[] = []
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const length = lengths[turn % lengths.length] ?? 1
        cut.push(...cutter.cut(bytes.subarray(at, at + length)))
        at += length
      }
      return cut.length === messages.length && cut.every((message, index) => message.equals(messages[index]!))
    }),
  )
  t.pass('100 runs')
})

t.test('the columns of a row are the bytes that the server sent, and null where there is none', async (t) => {
  const column = fc.option(fc.uint8Array({ maxLength: 50 }))
  fc.assert(
    fc.property(fc.array(column, { maxLength: 10 }), (columns) => {
      const [read, sent] = [columnsOf(rowOf(columns)), columns].map((row) => row.map((one) => one && [...one]))
      return isDeepStrictEqual(read, sent)
    }),
  )
  t.same(columnsOf(rowOf([null, Buffer.of(1, 2)])), [null, Buffer.of(1, 2)])
})

const welcome = Buffer.concat([messageOf('R', Buffer.alloc(4)), messageOf('Z', Buffer.from('I'))])

/** Of one column without a name, in binary form. */
const described = messageOf('T', Buffer.concat([Buffer.of(0, 1), Buffer.alloc(18), Buffer.of(0, 1)]))
const noAnswers = {
  'a row that ends before its columns': messageOf('D', Buffer.of(0, 2, 0, 0, 0, 1, 7)),
  'a message shorter than its length': Buffer.from('D\0\0\0\0'),
}

for (const [what, nonsense] of Object.entries(noAnswers))
  t.test(`${what} fails the statement, and the node lives on`, async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write(welcome)
        socket.once('data', () => socket.write(Buffer.concat([described, nonsense])))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    const url = `postgres://waypost@127.0.0.1:${port}/postgres?sslmode=disable`
    const pool = new Pool({ url, connections: 1, statementTimeout: 5000, name: 'test' })
    t.teardown(() => pool[Symbol.asyncDispose]())
    await t.rejects(pool.run({ name: 'one', text: 'select 1' }), { message: 'the server sent what is no answer' })
  })
