import t from 'tap'
import { WaypostError } from '../../src/core/errors.ts'
import { createLog, type Log, type LogFormat, setLogLevel, silentLog } from '../../src/telemetry/log.ts'
import { envelope } from '../kit/messages.ts'

/** A log into memory, and all that was written to it. */
function capture(format: LogFormat): { log: Log; written: () => string } {
  const lines: string[] = []
  const log = createLog({ level: 'trace', format, destination: { write: (line) => void lines.push(line) } })
  return { log, written: () => lines.join('') }
}

const secret = 'c0ffee-planted-secret'
const payload = Buffer.from(secret)
const secretNames = ['key', 'nodekey', 'privateKey', 'password', 'token', 'payload', 'secret', 'authorization', 'url']

/** Ways in which a secret may get into a line by mistake. */
const mistakes: readonly { id: string; make: (log: Log) => void }[] = [
  ...secretNames.flatMap((name) => [
    { id: `${name} as a field`, make: (log: Log) => log.info({ [name]: secret }, 'line') },
    { id: `${name} one level below`, make: (log: Log) => log.info({ rest: { [name]: secret } }, 'line') },
    {
      id: `${name} three levels below`,
      make: (log: Log) => log.info({ a: { b: [{ c: { [name]: secret } }] } }, 'line'),
    },
    {
      id: `${name} of a child log`,
      make: (log: Log) =>
        log
          .child({ part: 'x' })
          .child({ [name]: secret })
          .info('line'),
    },
    { id: `${name} of an error`, make: (log: Log) => log.error(Object.assign(new Error('no'), { [name]: secret })) },
  ]),
  { id: 'an envelope', make: (log) => log.debug({ envelope: envelope({ payload }) }, 'line') },
  {
    id: 'bytes under any name',
    make: (log) => log.debug({ frame: payload, frames: [new Uint8Array(payload)] }, 'line'),
  },
  {
    id: 'a password in an address that an error quotes',
    make: (log) =>
      log.error({ err: new Error(`cannot connect to postgres://waypost:${secret}@db:5432/archive`) }, 'line'),
  },
  {
    id: 'the cause of an error',
    make: (log) => log.error({ err: new Error('no', { cause: { token: secret } }) }, 'line'),
  },
]

/** How a secret may look in a line: as text, as numbers of its bytes, in hexadecimal or base64. */
const forms = [
  secret,
  payload.toString('hex'),
  payload.toString('base64').slice(0, 20),
  Array.from(payload.subarray(0, 8)).join(','),
  Array.from(payload.subarray(0, 4), (byte, index) => `"${index}":${byte}`).join(','),
]

for (const format of ['json', 'text'] as const) {
  t.test(`no secret gets into the log as ${format}, even by mistake`, async (t) => {
    for (const { id, make } of mistakes) {
      const { log, written } = capture(format)
      make(log)
      t.ok(written().length > 0, `${id}: the line is there`)
      t.notOk(
        forms.some((form) => written().includes(form)),
        id,
      )
    }
  })

  t.test(`a field that is no secret gets into the log as ${format}`, async (t) => {
    const { log, written } = capture(format)
    log
      .child({ part: 'store' })
      .info({ peer: '16Uiu2', rows: 3, from: { address: '/ip4/127.0.0.1' } }, 'store answered')
    for (const word of ['store', '16Uiu2', '3', '/ip4/127.0.0.1', 'store answered']) t.match(written(), word)
  })
}

t.test('a line as JSON has level, time, fields and message', async (t) => {
  const { log, written } = capture('json')
  log.info({ rows: 3, at: new Date(0) }, 'store answered')
  const { time, ...line } = JSON.parse(written())
  t.same(line, { level: 'info', rows: 3, at: '1970-01-01T00:00:00.000Z', msg: 'store answered' })
  t.notOk(Number.isNaN(Date.parse(time)))
})

t.test('an error in the log has its code, its data and its cause', async (t) => {
  const { log, written } = capture('json')
  log.error({ err: new WaypostError('wire/too-large', { length: 10, limit: 5 }, { cause: new Error('below') }) }, 'no')
  t.match(JSON.parse(written()).err, {
    type: 'WaypostError',
    code: 'wire/too-large',
    data: { length: 10, limit: 5 },
    stack: /below/,
  })
})

t.test('what contains itself is cut, not followed', async (t) => {
  const { log, written } = capture('json')
  const loop: Record<string, unknown> = { name: 'loop' }
  loop.self = loop
  log.info({ loop }, 'line')
  t.match(written(), 'loop')
})

t.test('a line below the level is not written, and a silent log writes none', async (t) => {
  const lines: string[] = []
  const log = createLog({ level: 'warn', format: 'json', destination: { write: (line) => void lines.push(line) } })
  log.info('line')
  silentLog().fatal('line')
  t.same(lines, [])
})

t.test('a changed level holds for the root and for every part', async (t) => {
  const lines: string[] = []
  const log = createLog({ level: 'info', format: 'json', destination: { write: (line) => void lines.push(line) } })
  const part = log.child({ part: 'store' })
  part.debug('not yet')
  setLogLevel(log, 'debug')
  part.debug('now')
  log.debug('here too')
  setLogLevel(log, 'error')
  part.info('no more')
  t.same(
    lines.map((line) => JSON.parse(line).msg),
    ['now', 'here too'],
  )
})
