/** Two nodes with one archive in PostgreSQL, as @waku/sdk meets them; and their database goes away and comes back. */
import t from 'tap'
import type { Daemon } from '../kit/daemon.ts'
import { password, postgres } from '../kit/postgres.ts'
import { clientOf, Inbox, pages, textOf } from '../kit/sdk.ts'
import { needs } from '../kit/tools.ts'
import { neighbour, twins } from '../kit/twins.ts'

// Its database hangs, and statements have to run into their limits.
t.setTimeout(600_000)

const contentTopic = '/waypost/1/fleet/proto'

const program = needs(t, 'postgres')
if (program !== undefined) {
  const server = await postgres(t, program)
  const [one, other] = await twins(t, { env: { WAYPOST_STORE_MESSAGE_DB_URL: server.url } })
  const client = await clientOf(t, one)
  const elsewhere = await clientOf(t, other)
  const encoder = client.createEncoder({ contentTopic })
  const decoder = client.createDecoder({ contentTopic })
  const sent: string[] = []

  const send = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const text = `message ${sent.length}`
      const { failures } = await client.lightPush.send(encoder, { payload: Buffer.from(text) }, { autoRetry: false })
      if (failures.length > 0) throw new Error(String(failures[0]?.error))
      sent.push(text)
    }
  }

  /** What a client finds in the store of the node it is connected to. */
  const found = async (asking: typeof client) => (await pages(asking, decoder)).flat().map(textOf)

  t.test('what one node was given both nodes answer with, once', async (t) => {
    await send(30)
    t.same((await found(client)).toSorted(), sent.toSorted())
    t.same((await found(elsewhere)).toSorted(), sent.toSorted())
    const [row] = await server.sql('select count(*) from waypost.messages where content_topic = $1', [
      Buffer.from(contentTopic),
    ])
    t.equal(Number(row?.count), 30, 'both nodes saw each message, and it is in the database once')
  })

  t.test(
    'while the database is away, relay, filter and light push go on, and store says why it does not',
    async (t) => {
      const inbox = new Inbox(elsewhere)
      await inbox.subscribe([contentTopic])
      await server.stop('immediate')
      await send(20)
      t.same(
        (await inbox.until(20)).map(textOf).toSorted(),
        sent.slice(30).toSorted(),
        'all were pushed at the other node',
      )
      const told = await fetch(`${one.restUrl}/store/v3/messages?includeData=true`)
      t.equal(told.status, 503)
      t.match(await told.text(), 'SERVICE_UNAVAILABLE')
      t.match(await storeHealth(one), { Store: 'NOT_READY', desc: /archive degraded: the database takes no messages/ })
    },
  )

  t.test('when it is back, so is every message, in both nodes', async (t) => {
    await server.start()
    for (const node of [one, other]) await node.line(({ msg }) => msg === 'database back, the spool is empty')
    t.same((await found(client)).toSorted(), sent.toSorted())
    t.same((await found(elsewhere)).toSorted(), sent.toSorted())
    t.match(await storeHealth(one), { Store: 'READY' })
  })

  t.test(
    'while the database hangs, relay, filter and light push go on too, and so does a node that is stopped',
    async (t) => {
      const third = await neighbour(t, one, { env: { WAYPOST_STORE_MESSAGE_DB_URL: server.url } })
      const inbox = new Inbox(elsewhere)
      await inbox.subscribe([contentTopic])
      server.hang()
      const before = sent.length
      await send(20)
      t.same((await inbox.until(20)).map(textOf).toSorted(), sent.slice(before).toSorted())
      const told = await fetch(`${one.restUrl}/store/v3/messages?includeData=true`)
      t.equal(told.status, 503)
      t.equal(await third.stop('SIGTERM'), 0, 'no connection that nobody answers keeps it')
      server.resume()
      for (const node of [one, other]) await returned(node, 2)
      t.same((await found(client)).toSorted(), sent.toSorted())
    },
  )

  t.test('the password of the database is in no line of the log', async (t) => {
    for (const { lines } of [one, other]) {
      t.ok(lines.some(({ msg }) => msg === 'database away, messages go to the spool'))
      const text = JSON.stringify(lines)
      for (const secret of [password, encodeURIComponent(password)]) t.notOk(text.includes(secret))
    }
  })
}

/** Settles when the database has come back to the node so many times. */
async function returned(node: Daemon, times: number): Promise<void> {
  let seen = 0
  const counted = new Set<unknown>()
  await node.line((line) => {
    if (line.msg === 'database back, the spool is empty' && !counted.has(line)) {
      counted.add(line)
      seen += 1
    }
    return seen === times
  })
}

async function storeHealth({ restUrl }: Daemon): Promise<Record<string, string> | undefined> {
  // Checked by what is found in it.
  const told = (await (await fetch(`${restUrl}/health`)).json()) as { protocolsHealth: Record<string, string>[] }
  return told.protocolsHealth.find((entry) => 'Store' in entry)
}
