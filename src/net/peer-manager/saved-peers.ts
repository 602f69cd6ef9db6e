/**
 * Keeps the peers that a node has reached (`--peer-persistence`), so that after a restart it is back among them
 * within seconds and needs nobody to begin with. One line for each, the last met first; a line that cannot be read is
 * passed over.
 */
import { open } from 'node:fs/promises'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../../core/errors.ts'
import { type Milliseconds, type Schedule, systemSchedule } from '../../core/time.ts'
import { replaceFile } from '../../files/whole-file.ts'
import type { Log } from '../../telemetry/log.ts'
import { enrFromText, enrToText } from '../discovery/enr.ts'
import { type Found, foundIn } from '../discovery/found.ts'
import type { PeerPool } from '../discovery/pool.ts'

/** Peers kept, and bytes read of a file that somebody else may have written. */
const maxPeers = 500
const maxFileBytes = 1024 * 1024

/** After the first change: what changes meanwhile is written together. A crash loses so much. */
const writePause: Milliseconds = 3000

export interface SavedPeersParts {
  readonly file: string
  readonly pool: PeerPool
  readonly log: Log
  readonly schedule?: Schedule
}

export class SavedPeers implements AsyncDisposable {
  readonly #parts: SavedPeersParts
  readonly #schedule: Schedule
  /** By id, the last met last. */
  readonly #met = new Map<string, Found>()
  #cancel: (() => void) | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(parts: SavedPeersParts) {
    this.#parts = parts
    this.#schedule = parts.schedule ?? systemSchedule
  }

  /** Reads what was kept. */
  static async open(parts: SavedPeersParts): Promise<SavedPeers> {
    const saved = new SavedPeers(parts)
    const lines = await linesOf(parts.file)
    for (const found of lines.flatMap(parseLine).toReversed()) saved.#met.set(found.peerId.toString(), found)
    return saved
  }

  /** The last met first. */
  get all(): readonly Found[] {
    return [...this.#met.values()].toReversed()
  }

  /** A peer was met: it is kept with what the pool knows of it. */
  met(peer: PeerId): void {
    const found = this.#parts.pool.get(peer)
    if (found === undefined) return
    const key = peer.toString()
    this.#met.delete(key)
    this.#met.set(key, found)
    const [oldest] = this.#met.keys()
    if (this.#met.size > maxPeers && oldest !== undefined) this.#met.delete(oldest)
    this.#cancel ??= this.#schedule(() => void this.#write(), writePause)
  }

  /** Writes what has changed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#cancel !== undefined) await this.#write()
    await this.#writing
  }

  #write(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    const { file, log } = this.#parts
    const text = this.all.map((found) => `${JSON.stringify(lineOf(found))}\n`).join('')
    this.#writing = this.#writing
      .then(() => replaceFile(file, text))
      .catch((error: unknown) => {
        log.debug({ reason: messageOf(error) }, 'peers not saved')
      })
    return this.#writing
  }
}

interface Line {
  readonly peer: string
  readonly addresses: readonly string[]
  readonly enr?: string | undefined
}

function lineOf({ peerId, addresses, record }: Found): Line {
  return { peer: peerId.toString(), addresses: addresses.map(String), enr: record && enrToText(record) }
}

function parseLine(text: string): Found[] {
  try {
    const { peer, addresses, enr }: Line = JSON.parse(text)
    const found = enr === undefined ? undefined : foundIn(enrFromText(enr), 'persisted')
    const peerId = peerIdFromString(peer)
    const known = { peerId, addresses: addresses.map((address) => multiaddr(address)), source: 'persisted' as const }
    return [{ capabilities: new Set(), ...found, ...known }]
  } catch {
    return []
  }
}

/** None when there is no file, or a longer one than we write. */
async function linesOf(file: string): Promise<string[]> {
  try {
    await using handle = await open(file)
    if ((await handle.stat()).size > maxFileBytes) return []
    return (await handle.readFile('utf8')).split('\n').slice(0, maxPeers)
  } catch {
    return []
  }
}
