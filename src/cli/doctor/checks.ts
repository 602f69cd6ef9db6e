/** All checks, in the order in which a person reads them. */
import { checkBrowsers, checkCertificate } from './certificate.ts'
import type { Check } from './check.ts'
import { checkDatabaseFiles, checkDatabaseServer } from './database.ts'
import { checkDatabase, checkDisk, checkKey, checkModes } from './files.ts'
import { checkClock, checkMemory, checkOpenFiles, checkVersion } from './machine.ts'
import { checkNames } from './names.ts'
import { checkAddresses, checkPorts } from './ports.ts'
import { checkHealth, checkPeer } from './running.ts'
import { checkTrees } from './trees.ts'

export const checks: readonly Check[] = [
  { name: 'version', run: checkVersion },
  { name: 'clock', run: checkClock },
  { name: 'memory', run: checkMemory },
  { name: 'open files', run: checkOpenFiles },
  { name: 'files', run: checkModes },
  { name: 'key', run: checkKey },
  { name: 'disk', run: checkDisk },
  { name: 'archive', run: checkDatabase },
  { name: 'database files', run: checkDatabaseFiles },
  { name: 'database', run: checkDatabaseServer },
  { name: 'ports', run: checkPorts },
  { name: 'certificate', run: checkCertificate },
  { name: 'browsers', run: checkBrowsers },
  { name: 'node', run: checkHealth },
  { name: 'addresses', run: checkAddresses },
  { name: 'names', run: checkNames },
  { name: 'trees', run: checkTrees },
  { name: 'peer', run: checkPeer },
]
