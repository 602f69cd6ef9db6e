/** `waypost message send`, `edit`, `delete`, `react`: what we say, and what we say of what was said. */
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { systemCode, WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import type { EmotionName, Message } from '../../messaging/chats/message.ts'
import type { Content } from '../../messaging/messenger/conversations.ts'
import type { Messenger } from '../../messaging/messenger/messenger.ts'
import { exits } from '../exit-codes.ts'
import { interruption } from '../interrupt.ts'
import { remark, show } from '../output.ts'
import { type ConnectedDevice, connectedDevice, type NetworkOptions, onNetwork } from './device.ts'
import { chatGiven } from './ids.ts'
import { readPicture } from './media.ts'

export interface SendOptions extends NetworkOptions {
  readonly textFile?: string
  readonly image?: string
  readonly replyTo?: string
  readonly waitDelivered?: boolean
  readonly timeout: Milliseconds
}

export async function send(given: string, text: string | undefined, options: SendOptions): Promise<number> {
  const content = await contentOf(text, options)
  await using device = await connectedDevice(options)
  const { me } = device
  await device.catchUp()
  const chat = await chatGiven(me, given)
  if (content.replyTo !== undefined) await checkThere(me, content.replyTo)
  const id = await me.send(chat, content)
  await device.handedOver()
  const status = options.waitDelivered === true ? await arrival(device, id, options.timeout) : await statusOf(me, id)
  await show({ id, chat, status }, options, () => `${status === 'sending' ? 'sent' : status} ${id}`)
  if (options.waitDelivered !== true || status === 'delivered') return exits.ok
  remark('waypost: not confirmed yet; it is sent again whenever this device is online')
  return exits.failed
}

async function contentOf(text: string | undefined, { textFile, image, replyTo }: SendOptions): Promise<Content> {
  if (text !== undefined && textFile !== undefined) throw badUsage('give the text, or --text-file')
  const said = textFile === undefined ? text : await readText(textFile)
  if (said === undefined && image === undefined) throw badUsage('there is nothing to send: give a text or --image')
  return {
    text: said ?? '',
    ...(image !== undefined && { image: await readPicture(image) }),
    ...(replyTo !== undefined && { replyTo }),
  }
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = file === '-' ? await buffer(process.stdin) : await readFile(file)
    return bytes.toString('utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new WaypostError('cli/no-such-file', { path: file, why: systemCode(error) }, { cause: error })
  }
}

async function checkThere(me: Messenger, id: string): Promise<void> {
  if ((await me.message(id)) === undefined) throw badUsage(`there is no message ${id.slice(0, 80)}`)
}

async function statusOf(me: Messenger, id: string): Promise<Message['status']> {
  return (await me.message(id))?.status ?? 'sending'
}

/** How far the message has come, once it is settled or the time is over. */
async function arrival({ me, failed }: ConnectedDevice, id: string, timeout: Milliseconds): Promise<Message['status']> {
  const over = AbortSignal.any([interruption(), failed, AbortSignal.timeout(timeout)])
  const { promise, resolve } = Promise.withResolvers<void>()
  over.addEventListener('abort', () => resolve(), { once: true })
  const look = async (): Promise<void> => {
    if ((await statusOf(me, id)) !== 'sending') resolve()
  }
  const off = me.onChange(() => void look())
  await look()
  await promise
  off()
  failed.throwIfAborted()
  return await statusOf(me, id)
}

export async function edit(id: string, text: string, options: NetworkOptions): Promise<undefined> {
  await onMessage(id, options, (me) => me.edit(id, text))
}

export async function remove(id: string, options: NetworkOptions): Promise<undefined> {
  await onMessage(id, options, (me) => me.delete(id))
}

export async function react(
  id: string,
  emotion: EmotionName,
  options: NetworkOptions & { readonly retract?: boolean },
): Promise<undefined> {
  await onMessage(id, options, (me) => me.react(id, emotion, options.retract === true))
}

async function onMessage(id: string, options: NetworkOptions, work: (me: Messenger) => Promise<void>): Promise<void> {
  await onNetwork(options, async ({ me }) => {
    await checkThere(me, id)
    await work(me)
    const chat = (await me.message(id))?.chat
    await show({ id, chat }, options, () => `done ${id}`)
  })
}

function badUsage(why: string): WaypostError {
  return new WaypostError('cli/bad-usage', { why })
}
