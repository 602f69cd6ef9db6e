/** People whose devices are processes, for tests that kill them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Test } from 'tap'
import type { Message } from '../../src/messaging/chats/message.ts'
import { environment } from '../kit/environment.ts'
import type { Trouble } from './disorder.ts'

export interface Start {
  readonly folder: string
  readonly password: string
  readonly nodes: readonly string[]
  readonly isCalm: boolean
}

export type Said = Pick<Message, 'id' | 'from' | 'text' | 'status'>

/** What a device is asked. */
export interface Calls {
  id(): Promise<string>
  ask(id: string): Promise<void>
  accept(id: string): Promise<void>
  contacts(): Promise<string[]>
  asking(): Promise<string[]>
  begin(name: string, members: readonly string[]): Promise<string>
  chats(): Promise<string[]>
  send(chat: string, text: string): Promise<string>
  calm(isCalm: boolean): Promise<void>
  fetch(): Promise<void>
  /** Texts, the last first. */
  history(chat: string): Promise<Said[]>
}

export interface Asked {
  readonly number: number
  readonly call: keyof Calls
  readonly args: readonly unknown[]
}

type Answer =
  | { readonly number: number; readonly result: unknown }
  | { readonly number: number; readonly code: string; readonly why: string }

export type Heard = Pick<Message, 'id' | 'text'>

export type Told = Answer | { readonly isReady: true } | { readonly trouble: Trouble } | { readonly heard: Heard }

/** The process ended before it answered. */
export class Killed extends Error {}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

export class Person {
  readonly name: string
  /** What it was handed as new, in all its lives. */
  readonly heard: Heard[] = []
  readonly troubles = new Map<Trouble, number>()
  kills = 0
  isCalm = true
  readonly #start: Omit<Start, 'isCalm'>
  readonly #waiting = new Map<number, Waiting>()
  #ready: Promise<ChildProcess>
  #asked = 0

  constructor(t: Test, name: string, nodes: readonly string[]) {
    this.name = name
    this.#start = { folder: path.join(t.testdirName, name), password: `password of ${name}`, nodes }
    this.#ready = this.#run()
    t.teardown(() => this.#stop())
  }

  async #run(): Promise<ChildProcess> {
    const child = fork(new URL('./person-process.js', import.meta.url), {
      env: environment(),
      serialization: 'advanced',
    })
    const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>()
    child.on('message', (told: Told) => {
      if ('isReady' in told) resolve(child)
      else this.#take(told)
    })
    child.once('exit', (code, signal) => {
      const error = new Killed(`${this.name} ended with ${code ?? signal}`)
      reject(error)
      for (const waiting of this.#waiting.values()) waiting.reject(error)
      this.#waiting.clear()
    })
    child.send({ ...this.#start, isCalm: this.isCalm } satisfies Start)
    return await promise
  }

  #take(told: Exclude<Told, { isReady: true }>): void {
    if ('heard' in told) this.heard.push(told.heard)
    else if ('trouble' in told) this.troubles.set(told.trouble, (this.troubles.get(told.trouble) ?? 0) + 1)
    else {
      const waiting = this.#waiting.get(told.number)
      this.#waiting.delete(told.number)
      if ('result' in told) waiting?.resolve(told.result)
      else waiting?.reject(Object.assign(new Error(`${this.name}: ${told.why}`), { code: told.code }))
    }
  }

  /** Asks the device, once it is there. Throws `Killed`, and what the device throws, with its `code`. */
  async ask<Call extends keyof Calls>(
    call: Call,
    ...args: Parameters<Calls[Call]>
  ): Promise<Awaited<ReturnType<Calls[Call]>>> {
    const child = await this.#ready
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#asked += 1
    this.#waiting.set(this.#asked, { resolve, reject })
    if (!child.connected) reject(new Killed(`${this.name} has ended`))
    else child.send({ number: this.#asked, call, args } satisfies Asked)
    return (await promise) as Awaited<ReturnType<Calls[Call]>>
  }

  /** Kills the device wherever it is, and starts it anew after `pause`. */
  async kill(pause: Promise<unknown>): Promise<void> {
    this.kills += 1
    const killed = this.#stop()
    this.#ready = Promise.all([killed, pause]).then(() => this.#run())
    await this.#ready
  }

  async #stop(): Promise<void> {
    const child = await this.#ready
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
}
