/**
 * An archive that is damaged, for a node that goes on without it: it takes and gives nothing until it is repaired. A repair
 * puts another folder in its place; until then it is not opened again, which would take long and might harm.
 */
import { stat } from 'node:fs/promises'
import { isWaypostError, type WaypostError } from '../../core/errors.ts'
import { type Amount, type Backend, nothing, type Place, type Slice, type Stat, type Trouble } from '../backend.ts'

/** Opens the archive in `folder` by `open`; one that is damaged is waited for. Throws what else `open` throws. */
export async function openOrAwaitRepair(
  folder: string,
  open: () => Promise<Backend>,
): Promise<{ backend: Backend; damage?: WaypostError }> {
  try {
    return { backend: await openReadable(open) }
  } catch (damage) {
    if (!isWaypostError(damage, 'archive/damaged')) throw damage
    return { backend: new AwaitingRepair(folder, await inodeOf(folder), open, damage), damage }
  }
}

/** Its oldest and newest message can be read, too. */
async function openReadable(open: () => Promise<Backend>): Promise<Backend> {
  const backend = await open()
  try {
    await backend.stat()
    return backend
  } catch (error) {
    await backend.close()
    throw error
  }
}

async function inodeOf(folder: string): Promise<bigint | undefined> {
  return (await stat(folder, { bigint: true }).catch(() => undefined))?.ino
}

class AwaitingRepair implements Backend {
  readonly #folder: string
  #inode: bigint | undefined
  readonly #open: () => Promise<Backend>
  #damage: unknown
  #repaired: Backend | undefined

  constructor(folder: string, inode: bigint | undefined, open: () => Promise<Backend>, damage: unknown) {
    this.#folder = folder
    this.#inode = inode
    this.#open = open
    this.#damage = damage
  }

  get #backend(): Backend {
    if (this.#repaired === undefined) throw this.#damage
    return this.#repaired
  }

  damage(): Trouble | undefined {
    return this.#repaired?.damage?.()
  }

  async put(...args: Parameters<Backend['put']>): ReturnType<Backend['put']> {
    return await this.#backend.put(...args)
  }

  async locate(...args: Parameters<Backend['locate']>): Promise<Place | undefined> {
    return await this.#backend.locate(...args)
  }

  async scan(...args: Parameters<Backend['scan']>): Promise<Slice> {
    return await this.#backend.scan(...args)
  }

  async prune(...args: Parameters<Backend['prune']>): Promise<Amount> {
    return await this.#backend.prune(...args)
  }

  async reclaim(): Promise<void> {
    await this.#backend.reclaim()
  }

  async stat(): Promise<Stat> {
    return (await this.#repaired?.stat()) ?? nothing
  }

  async losses() {
    return (await this.#repaired?.losses?.()) ?? []
  }

  async recover(): Promise<void> {
    if (this.#repaired !== undefined) return await this.#repaired.recover()
    const inode = await inodeOf(this.#folder)
    if (inode === undefined || inode === this.#inode) throw this.#damage
    try {
      this.#repaired = await openReadable(this.#open)
    } catch (error) {
      this.#inode = inode
      this.#damage = error
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#repaired?.close()
  }
}
