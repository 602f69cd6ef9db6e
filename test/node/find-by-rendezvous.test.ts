/** Relays that know one rendezvous point find each other by it. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import type { Daemon } from '../kit/daemon.ts'
import { networkDaemon } from '../kit/twins.ts'

/** Milliseconds between two looks at who is connected. */
const pause = 200

async function peersOf({ restUrl }: Daemon): Promise<string> {
  return await (await fetch(`${restUrl}/admin/v1/peers/connected`)).text()
}

t.test('two relays that know the same point by name connect with each other', async (t) => {
  const alone = ['--peer-exchange=false', '--rest=true', '--rest-admin=true']
  const point = await networkDaemon(t, { flags: alone })
  const flags = [...alone, `--staticnode=${point.tcp}`]
  const one = await networkDaemon(t, { flags })
  const other = await networkDaemon(t, { flags })
  while (!(await peersOf(one)).includes(other.peerId)) await setTimeout(pause)
  const health = (await (await fetch(`${one.restUrl}/health`)).json()) as { protocolsHealth: Record<string, string>[] }
  t.ok(health.protocolsHealth.some(({ Rendezvous }) => Rendezvous === 'READY'))
  const off = await networkDaemon(t, { flags: [...alone, '--rendezvous=false'] })
  const mute = (await (await fetch(`${off.restUrl}/health`)).json()) as { protocolsHealth: Record<string, string>[] }
  t.ok(mute.protocolsHealth.some(({ Rendezvous }) => Rendezvous === 'NOT_MOUNTED'))
})
