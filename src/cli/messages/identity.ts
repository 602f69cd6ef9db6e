/** `waypost message identity`: who we are, on this device. */
import { text } from 'node:stream/consumers'
import { WaypostError } from '../../core/errors.ts'
import { columns, remark, show } from '../output.ts'
import { askSecret } from '../password.ts'
import type { OpenDevice } from './device.ts'
import { connectedDevice, type DeviceOptions, deviceHere, folderOf, type NetworkOptions, newDevice } from './device.ts'

interface NewOptions extends DeviceOptions {
  readonly name?: string
}

export async function create(options: NewOptions): Promise<undefined> {
  await checkName(options.name)
  await using device = await newDevice(options, named(options))
  await tell(device, options)
  remark('Write down the words that `waypost message identity words` shows: they are all that restores this identity.')
}

export async function restore(options: NewOptions): Promise<undefined> {
  await checkName(options.name)
  const words = process.stdin.isTTY === true ? await askSecret('Words: ', '') : await text(process.stdin)
  await using device = await newDevice(options, { words, ...named(options) })
  await tell(device, options)
}

export async function showIdentity(options: DeviceOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  await tell(device, options)
}

export async function words(options: DeviceOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  remark('Whoever has these words is you: keep them as you keep a key.')
  await show({ words: device.me.words() }, options, ({ words }) => words)
}

/** Gives us another name, and tells it. */
export async function rename(name: string, options: NetworkOptions): Promise<undefined> {
  await checkName(name)
  await using device = await connectedDevice(options, { name })
  await device.catchUp()
  await device.handedOver()
  await tell(device, options)
}

function named({ name }: NewOptions): { readonly name?: string } {
  return name === undefined ? {} : { name }
}

/** Others refuse a name of another form. Throws `cli/bad-usage`. */
async function checkName(name = ''): Promise<void> {
  const { displayNameFault } = await import('../../messaging/application/texts.ts')
  if (displayNameFault(name) === undefined) return
  throw new WaypostError('cli/bad-usage', { why: 'a name has 5 to 24 letters, digits, spaces, _ and -' })
}

async function tell({ me }: OpenDevice, options: DeviceOptions): Promise<void> {
  const { id, name } = me
  const folder = folderOf(options)
  await show({ id, name, folder }, options, () =>
    columns([
      ['id', id],
      ['name', name || '-'],
      ['folder', folder],
    ]),
  )
}
