/** The other devices of this person, one row: those that have announced themselves, and which of them count. */
import { maxInstallationIdBytes } from '../encryption/protocol-message.ts'
import { bool, field, message, repeated, text, uint32, uint64 } from '../schema.ts'
import type { Rows } from '../storage/rows.ts'
import { readStored } from '../stored.ts'

/** Devices that are remembered, those announced last first. */
const most = 16

/** A device of ours that has announced itself. */
export interface KnownInstallation {
  readonly installation: string
  /** What the person calls it. */
  readonly name: string
  /** The person has said here that it counts. */
  readonly isEnabled: boolean
  /** Of its last announcement. */
  readonly clock: bigint
}

export interface OwnDevices {
  /** What the person calls this device; empty before it was announced. */
  readonly name: string
  /** Of the last announcement. */
  readonly clock: bigint
  readonly others: readonly KnownInstallation[]
}

const row = 'self/devices'
const version = 1

const table = message('the devices of this person', {
  version: field(1, uint32),
  name: field(2, text(1024)),
  clock: field(3, uint64),
  others: repeated(
    4,
    message('another device of this person', {
      installation: field(1, text(maxInstallationIdBytes)),
      name: field(2, text(1024)),
      isEnabled: field(3, bool),
      clock: field(4, uint64),
    }),
    most,
  ),
})

async function load(rows: Pick<Rows, 'get'>): Promise<OwnDevices> {
  const stored = await rows.get(row)
  return stored === undefined ? { name: '', clock: 0n, others: [] } : readStored(table, version, stored)
}

function save(rows: Rows, devices: OwnDevices): void {
  rows.put(row, table.encode({ ...devices, others: [...devices.others], version }))
}

export const ownDevices = { load, save, most }
