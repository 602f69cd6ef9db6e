/**
 * What is known of the devices of a person: learnt from bundles, which each device signs with the person's key, each by a clock of
 * its own. A value: to learn gives the next list.
 *
 * A device knows best of itself: its own bundle counts unless it is older than the last of its own. What another device of the
 * person says of it counts only where it tells of a newer prekey. So no bundle that is played again brings an old prekey back, and
 * no clock that is ahead shuts the others out.
 */
import { WaypostError } from '../../core/errors.ts'
import { type CompressedKey, compressedKey, compressedKeyBytes } from '../keys.ts'
import { bytes, field, int64, message, repeated, text, uint32 } from '../schema.ts'
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
  /** Nanoseconds: the timestamp of its own last bundle; 0 where only others spoke of it. */
  readonly spokeAt: bigint
  /** Nanoseconds: the newest timestamp of a bundle that has it. */
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
    const read = listTable.parse(Uint8Array.from(stored))
    if (read?.version !== version)
      throw new WaypostError('session/unreadable', { why: 'a list of devices is damaged, or of a later release' })
    // Looked at when they came; what is on our disk only has to be whole.
    return new DeviceList(read.devices.map((one) => ({ ...one, prekey: one.prekey as CompressedKey })))
  }

  /** The form on disk: no secrets. */
  toBytes(): Uint8Array {
    return listTable.encode({ version, devices: this.#devices })
  }

  /** After a bundle that was judged to be sound, in a message of the person's device `speaker`. */
  learn(bundle: Bundle, speaker: string): DeviceList {
    const known = new Map(this.#devices.map((one) => [one.installation, one]))
    for (const [installation, prekey] of bundle.prekeys) {
      const before = known.get(installation)
      known.set(installation, heard(before, installation, prekey, bundle.timestamp, installation === speaker))
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

/** What is known of a device after a bundle of `timestamp`, its own or that of another device, has told of it. */
function heard(
  before: KnownDevice | undefined,
  installation: string,
  { key, version, protocolVersion }: SignedPrekey,
  timestamp: bigint,
  isOwnWord: boolean,
): KnownDevice {
  const spokeAt = isOwnWord ? timestamp : (before?.spokeAt ?? 0n)
  const isNews = before === undefined || (isOwnWord ? timestamp >= before.spokeAt : version > before.version)
  if (!isNews) return { ...before, heardAt: later(before.heardAt, timestamp) }
  const heardAt = later(before?.heardAt ?? timestamp, timestamp)
  return { installation, prekey: compressedKey(Uint8Array.from(key)), version, protocolVersion, spokeAt, heardAt }
}

function later(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}
