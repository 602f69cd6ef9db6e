/**
 * Brings an archive of schema 1 to the present one, and prints how many messages are done each time that some are:
 * `archive-migrator.js <folder>`.
 */
import { migrateLevel } from '../../src/archive/level/level.ts'
import { partitionLimits } from '../../src/archive/level/route.ts'

const [folder = ''] = process.argv.slice(2)

/** Several partitions in every run. */
const limits = { ...partitionLimits(), messages: 700 }

await migrateLevel({ folder, limits }, { told: ({ messages }) => process.stdout.write(`${messages}\n`) })
