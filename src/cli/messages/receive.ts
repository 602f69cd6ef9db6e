/** `waypost message receive`, `history`, `chats`, `read`: what was said. */
import type { Milliseconds } from '../../core/time.ts'
import type { Message } from '../../messaging/chats/message.ts'
import { writeJson } from '../exact-json.ts'
import { exits } from '../exit-codes.ts'
import { interruption } from '../interrupt.ts'
import { columns, type OutputOptions, writeLine } from '../output.ts'
import { connectedDevice, type DeviceOptions, deviceHere, type NetworkOptions, onNetwork } from './device.ts'
import { chatGiven } from './ids.ts'
import { saveMedia } from './media.ts'
import { chatRow, messageText, shownChat, shownMessage } from './shown.ts'

interface MediaOptions extends OutputOptions {
  readonly saveMedia?: string
  readonly ids?: boolean
}

export interface ReceiveOptions extends NetworkOptions, MediaOptions {
  readonly follow?: boolean
  readonly count?: number
  readonly timeout?: Milliseconds
}

/** Each message once: those that came while nobody asked, those of the stores, then those that come. */
export async function receive(options: ReceiveOptions): Promise<number> {
  const { follow = false, count = Number.POSITIVE_INFINITY, timeout } = options
  const isWaiting = follow || options.count !== undefined || timeout !== undefined
  const stopped = interruption()
  await using device = await connectedDevice(options)
  await device.catchUp()
  const enough = new AbortController()
  const over = timeout === undefined ? [] : [AbortSignal.timeout(timeout)]
  const ended = AbortSignal.any([stopped, device.failed, enough.signal, ...over])
  let printed = 0
  for await (const message of isWaiting ? device.me.messages(ended) : device.me.arrived(ended)) {
    await print(message, options)
    printed += 1
    // One that was handed out is taken as read when the next is asked for: so the loop is not left.
    if (printed === count) enough.abort()
  }
  // What came is confirmed to those who sent it.
  await device.handedOver()
  return options.count === undefined || printed === count ? exits.ok : exits.failed
}

async function print(message: Message, options: MediaOptions): Promise<void> {
  const file = options.saveMedia === undefined ? undefined : await saveMedia(message, options.saveMedia)
  const shown = shownMessage(message, file)
  if (options.json === true) return await writeLine(writeJson(shown))
  await writeLine(options.ids === true ? `${message.id}  ${messageText(shown)}` : messageText(shown))
}

export interface HistoryOptions extends DeviceOptions, MediaOptions {
  readonly limit: number
  readonly before?: string
  readonly containing?: string
}

/** The last messages of a chat, the oldest of them first. */
export async function history(given: string, options: HistoryOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  const { limit, before, containing } = options
  const page = { limit, ...(before !== undefined && { before }), ...(containing !== undefined && { containing }) }
  const found: Message[] = []
  for await (const message of device.me.history(await chatGiven(device.me, given), page)) found.push(message)
  for (const message of found.reverse()) await print(message, options)
}

export async function chats(options: DeviceOptions): Promise<undefined> {
  await using device = await deviceHere(options)
  const all = (await device.me.chats()).map(shownChat)
  if (options.json === true) for (const chat of all) await writeLine(writeJson(chat))
  else if (all.length > 0) await writeLine(columns(all.map(chatRow)))
}

/** Nothing in the chat is new any more. */
export async function read(given: string, options: NetworkOptions): Promise<undefined> {
  await onNetwork(options, async ({ me }) => me.markRead(await chatGiven(me, given)))
}
