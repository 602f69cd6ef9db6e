/**
 * A real name server for a test: Debian's dnsmasq on a free loopback port, for one zone, gone with the test. It asks nobody
 * else.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'
import type { Owner } from './owner.ts'

/** TXT records by full name: each is a list of texts, which become one record each. */
export type Zone = ReadonlyMap<string, string | readonly string[]>

/** Bytes of one piece of a TXT record. */
const pieceBytes = 255

/** Nothing but what the zone says, and every question in the log. */
const settings = ['no-resolv', 'no-hosts', 'bind-interfaces', 'log-queries', 'log-facility=-']

/** Starts a server for `zone`; `program` is the path of `dnsmasq`. */
export async function nameServer(t: Owner, program: string, zone: Zone): Promise<NameServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'waypost-dns-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const server = new NameServer(program, path.join(folder, 'dnsmasq.conf'), await freePort())
  t.teardown(() => server.stop())
  await server.start(zone)
  return server
}

export class NameServer {
  readonly port: number
  /** Names that were asked for, in order. */
  readonly asked: string[] = []
  readonly #program: string
  readonly #file: string
  #process: ChildProcess | undefined

  constructor(program: string, file: string, port: number) {
    this.#program = program
    this.#file = file
    this.port = port
  }

  /** As node:dns takes it. */
  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Settles when it answers. */
  async start(zone: Zone): Promise<void> {
    await writeFile(this.#file, configuration(zone))
    const flags = [`--conf-file=${this.#file}`, `--port=${this.port}`, '--listen-address=127.0.0.1']
    // The shell ends the server when our end of its pipe closes, which it does however we end.
    const script = 'exec 3<&0; "$@" & server=$!; { cat <&3 >/dev/null; kill $server; } & wait $server'
    const child = spawn('sh', ['-c', script, 'sh', this.#program, '--keep-in-foreground', ...flags], {
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    this.#process = child
    const ready = Promise.withResolvers<void>()
    createInterface(child.stderr).on('line', (line) => {
      if (line.includes('started')) ready.resolve()
      const name = /query\[TXT\] (\S+)/.exec(line)?.[1]
      if (name !== undefined) this.asked.push(name)
    })
    child.once('exit', (code) => ready.reject(new Error(`the name server ended with ${code}`)))
    await ready.promise
  }

  /** Another zone from now on. */
  async change(zone: Zone): Promise<void> {
    await this.stop()
    await this.start(zone)
  }

  async stop(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.stdin?.end()
    await exit
  }
}

function configuration(zone: Zone): string {
  const records = [...zone].flatMap(([name, texts]) =>
    (typeof texts === 'string' ? [texts] : texts).map((text) => `txt-record=${name},${pieces(text).join(',')}`),
  )
  // As root it would become nobody, who may not write to the log of a test.
  const account = process.getuid?.() === 0 ? ['user=root'] : []
  return [...settings, ...account, ...records, ''].join('\n')
}

/** Quoted, since a comma divides pieces. */
function pieces(text: string): string[] {
  const count = Math.max(1, Math.ceil(text.length / pieceBytes))
  return Array.from({ length: count }, (_, index) => `"${text.slice(index * pieceBytes, (index + 1) * pieceBytes)}"`)
}
