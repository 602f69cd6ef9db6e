/** `waypost message devices`: the devices of one person, which share what is said when the person has said so on both. */
import type { DeviceInfo, Messenger } from '../../messaging/messenger/messenger.ts'
import { writeJson } from '../exact-json.ts'
import { columns, type OutputOptions, writeLine } from '../output.ts'
import { type DeviceOptions, deviceHere, type NetworkOptions, onNetwork } from './device.ts'
import { idAmong } from './ids.ts'
import { deviceRow, shownDevice } from './shown.ts'

export async function list(options: DeviceOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  await tell(await device.me.devices(), options)
}

export async function announce(name: string, options: NetworkOptions): Promise<undefined> {
  await onNetwork(options, async ({ me }) => {
    await me.announceDevice(name)
    await tell(
      (await me.devices()).filter(({ isThis }) => isThis),
      options,
    )
  })
}

/** Shares with another device of ours from now on, or no more. */
export function enable(isEnabled: boolean): (given: string, options: NetworkOptions) => Promise<undefined> {
  return async (given, options) => {
    await onNetwork(options, async ({ me }) => {
      const installation = await otherGiven(me, given)
      await me.enableDevice(installation, isEnabled)
      await tell(
        (await me.devices()).filter((one) => one.installation === installation),
        options,
      )
    })
    return undefined
  }
}

async function otherGiven(me: Messenger, given: string): Promise<string> {
  const others = (await me.devices()).filter(({ isThis }) => !isThis)
  return idAmong(
    given,
    others.map(({ installation }) => installation),
    'other device of yours',
  )
}

async function tell(devices: readonly DeviceInfo[], { json }: OutputOptions): Promise<void> {
  const shown = devices.map(shownDevice)
  if (json === true) for (const one of shown) await writeLine(writeJson(one))
  else await writeLine(columns(shown.map(deviceRow)))
}
