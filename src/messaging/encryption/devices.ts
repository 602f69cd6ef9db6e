/**
 * What is known of the devices of a person: learnt from bundles, which each device signs with the person's key, each by a clock of
 * its own. A value: to learn gives the next list.
 *
 * A device knows best of itself: its own bundle counts where it is later than all of its own before. Else it counts where it tells
 * of a newer prekey, as does what another device of the person says of it. So a clock that was ahead once, its own or that of
 * another, pins a prekey only until the next one. A bundle that is played again brings an old prekey back only of a device that
 * lost its prekeys and counts anew, until the next word of its own.
 */
import { type CompressedKey, compressedKey, compressedKeyBytes } from '../keys.ts'
import { bytes, field, int64, message, repeated, text, uint32 } from '../schema.ts'
import { readStored } from '../stored.ts'
import { maxDevices } from './bundle.ts'
import { type Bundle, maxInstallationIdBytes, type SignedPrekey } from './protocol-message.ts'

/** Devices of one person that are remembered; those not heard of for longest go. */
const maxKnownDevices = 16

/** A device of another person. */
export interface KnownDevice {
  readonly installation: string
  readonly prekey: CompressedKey
  readonly version: number
  /** Below 1 it does not know negotiated topics. */
  readonly protocolVersion: number
  /** Nanoseconds: the latest timestamp of a bundle of its own; 0 where only others spoke of it. */
  readonly spokeAt: bigint
  /** Nanoseconds: the latest timestamp of a bundle that has it, and never later than our own time when it came. */
  readonly heardAt: bigint
}

const version = 1
const listTable = message('a list of devices', {
  version: field(1, uint32),
  devices: repeated(
    2,
    message('a known device', {
      installation: field(1, text(maxInstallationIdBytes)),
      prekey: field(2, bytes(compressedKeyBytes)),
      version: field(3, uint32),
      protocolVersion: field(4, uint32),
      spokeAt: field(5, int64),
      heardAt: field(6, int64),
    }),
    maxKnownDevices,
  ),
})

export class DeviceList {
  /** The one last heard of first. */
  readonly #devices: readonly KnownDevice[]

  private constructor(devices: readonly KnownDevice[]) {
    this.#devices = devices
  }

  /** Of a person of whom nothing is known. */
  static readonly empty = new DeviceList([])

  /** Reads what `toBytes` gave. Throws `session/unreadable`. */
  static fromBytes(stored: Uint8Array): DeviceList {
    const { devices } = readStored(listTable, version, stored)
    // Looked at when they came; what is on our disk only has to be whole.
    return new DeviceList(devices.map((one) => ({ ...one, prekey: one.prekey as CompressedKey })))
  }

  /** The form on disk: no secrets. */
  toBytes(): Uint8Array {
    return listTable.encode({ version, devices: this.#devices })
  }

  /** After a bundle that was judged to be sound, in a message of the person's device `speaker`. `now` in nanoseconds. */
  learn(bundle: Bundle, speaker: string, now: bigint): DeviceList {
    const known = new Map(this.#devices.map((one) => [one.installation, one]))
    for (const [installation, prekey] of bundle.prekeys) {
      const word = { installation, prekey, timestamp: bundle.timestamp, isOwn: installation === speaker }
      known.set(installation, heard(known.get(installation), word, now))
    }
    const newestFirst = [...known.values()].sort((one, other) => Number(other.heardAt - one.heardAt))
    return new DeviceList(newestFirst.slice(0, maxKnownDevices))
  }

  /** To which one writes: three at most, those last heard of (status-go). */
  get recipients(): readonly KnownDevice[] {
    return this.#devices.slice(0, maxDevices)
  }

  find(installation: string): KnownDevice | undefined {
    return this.#devices.find((one) => one.installation === installation)
  }
}

/** What a bundle says of a device: the device itself, or another one of the person. */
interface Word {
  readonly installation: string
  readonly prekey: SignedPrekey
  readonly timestamp: bigint
  readonly isOwn: boolean
}

/** What is known of a device after `word` of it came at `now`. */
function heard(before: KnownDevice | undefined, word: Word, now: bigint): KnownDevice {
  const { installation, prekey, timestamp, isOwn } = word
  const heardAt = later(before?.heardAt ?? 0n, timestamp < now ? timestamp : now)
  const spokeAt = later(before?.spokeAt ?? 0n, isOwn ? timestamp : 0n)
  if (before !== undefined && !isNews(before, word)) return { ...before, spokeAt, heardAt }
  const { key, version, protocolVersion } = prekey
  return { installation, prekey: compressedKey(Uint8Array.from(key)), version, protocolVersion, spokeAt, heardAt }
}

function isNews(before: KnownDevice, { prekey, timestamp, isOwn }: Word): boolean {
  return prekey.version > before.version || (isOwn && timestamp > before.spokeAt)
}

function later(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}
