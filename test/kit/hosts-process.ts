/** Hosts that dial others back (AutoNAT), one on each address that is given, as a program for a network namespace. */
import { host } from './host.ts'

for (const address of process.argv.slice(2)) {
  const { addresses } = await host({ teardown() {} }, { listen: { address, tcpPort: 0 }, autonat: true })
  process.stdout.write(`${addresses()[0]}\n`)
}
