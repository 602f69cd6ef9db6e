/** Restores a backup until it is killed: `restore-process.js <backup> <data folder>`. */
import { restoreBackup } from '../../../src/cli/backup/restore.ts'
import { verifyBackup } from '../../../src/cli/backup/verify.ts'

const [folder = '', dataDir = ''] = process.argv.slice(2)
const { signal } = new AbortController()
const verified = await verifyBackup(folder, {})
process.stdout.write('verified\n')
await restoreBackup(folder, verified, dataDir, { replace: false, signal })
