/** A primary that dies, and a stand-in that takes over behind the same address: what was acknowledged is in it, once. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import type { Owner } from '../kit/owner.ts'
import { type PostgresServer, postgres, replicaOf } from '../kit/postgres.ts'
import { needs } from '../kit/tools.ts'
import { until } from '../kit/until.ts'
import { nothingLost, patience, Recoveries, ready, spooledArchive, times, timestamp, Writers } from './postgres-kit.ts'

t.setTimeout(patience)

const program = needs(t, 'postgres')
if (program !== undefined) {
  t.test('a stand-in takes over from a primary that is gone, and from one that is left behind', async (t) => {
    let primary = await postgres(t, program)
    await primary.database('fleet')
    const address = await Address.open(t, primary)
    const url = primary.urlOf('fleet').replace(String(primary.port), String(address.port))
    const { archive } = await spooledArchive(t, { url, connections: 6, folder: t.testdir() })
    const writers = new Writers(archive, timestamp)
    const recoveries = new Recoveries()
    for (let failover = 0; failover < times.failovers; failover++) {
      const standIn = await replicaOf(t, primary)
      await demandCopy(primary)
      await writers.more(200)
      // A stand-in that is not promoted yet takes no messages, and one that was primary takes none that count.
      const isLost = failover % 2 === 0
      if (isLost) await primary.stop('immediate')
      else await primary.sql('alter system set default_transaction_read_only = on')
      if (!isLost) await primary.sql('select pg_reload_conf()')
      address.leadsTo(standIn)
      await until(() => archive.status().state === 'degraded')
      await standIn.sql('select pg_promote()')
      await recoveries.of(archive)
      await writers.more(200)
      await primary.stop('immediate')
      primary = standIn
    }
    t.comment(`${times.failovers} fail-overs: ${recoveries}`)
    const acknowledged = await writers.stop()
    t.same(writers.refused, [])
    await ready(archive)
    await nothingLost(t, archive, acknowledged)
    const [row] = await primary.sql('select count(*) from waypost.messages', [], 'fleet')
    t.ok(Number(row?.count) >= acknowledged.length, 'and all of it is in the last of them')
  })
}

/** What is committed is in the stand-in too: else a fail-over may lose it, whoever acknowledged it. */
async function demandCopy(primary: PostgresServer): Promise<void> {
  await primary.sql("alter system set synchronous_standby_names = '*'")
  await primary.sql('select pg_reload_conf()')
}

/** An address that leads to one server or another. Connections stay where they once were led. */
class Address {
  readonly port: number
  #to: PostgresServer

  private constructor(port: number, to: PostgresServer) {
    this.port = port
    this.#to = to
  }

  static async open(t: Owner, to: PostgresServer): Promise<Address> {
    const sockets = new Set<Socket>()
    const server = createServer((from) => {
      const onward = connect(address.#to.port, '127.0.0.1')
      for (const [socket, other] of [
        [from, onward],
        [onward, from],
      ] as const) {
        sockets.add(socket)
        socket.pipe(other)
        socket.on('error', () => other.destroy())
        socket.on('close', () => other.destroy())
      }
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    // It listens by TCP.
    const address = new Address((server.address() as AddressInfo).port, to)
    return address
  }

  leadsTo(server: PostgresServer): void {
    this.#to = server
  }
}
