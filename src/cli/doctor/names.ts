/** The names that a node announces: whether they lead to an address, and whether that is ours. Asks name servers, so only when one wants it. */
import { lookup } from 'node:dns/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { systemCode } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { isLoopback, isPrivate } from '../../net/networks.ts'
import { type Examined, type Finding, fail, ok, warn } from './check.ts'
import { whyUnreachable } from './ports.ts'

/** A system that asks several servers in turn may take long. */
const lookupTimeout: Milliseconds = 5000

/** Addresses of one name that are tried; a name may have any number. */
const maxTried = 4

/** What stands before a name in an address, and of which family it has to be. */
const families: Readonly<Record<string, 0 | 4 | 6>> = { dns: 0, dns4: 4, dns6: 6 }

interface Name {
  readonly protocol: string
  readonly name: string
  /** Where it stands. */
  readonly from: string
  readonly port?: number
}

export async function checkNames({ settings, node, lookUp }: Examined): Promise<Finding[]> {
  if (!lookUp) return []
  const { dns4DomainName, extMultiaddr } = settings
  const set: readonly (Name | undefined)[] = [
    dns4DomainName === undefined ? undefined : { protocol: 'dns4', name: dns4DomainName, from: '--dns4-domain-name' },
    ...extMultiaddr.map((address) => nameIn(address, '--ext-multiaddr')),
  ]
  const announced = (node?.snapshot.addresses ?? []).map((address) => nameIn(address, 'the running node'))
  const names = unique([...announced, ...set].filter((one) => one !== undefined))
  if (names.length === 0) return [ok('no name is announced')]
  return (await Promise.all(names.map((name) => checkName(name, node !== undefined)))).flat()
}

function nameIn(address: string, from: string): Name | undefined {
  const [, protocol = '', name = '', port] = /^\/(dns[46]?)\/([^/]+)(?:\/tcp\/(\d+))?/.exec(address) ?? []
  return name === '' ? undefined : { protocol, name, from, ...(port !== undefined && { port: Number(port) }) }
}

/** Each once with its port; one without a port only where no other has it. */
function unique(names: readonly Name[]): readonly Name[] {
  const key = ({ protocol, name, port }: Name) => `${protocol} ${name} ${port}`
  const all = [...new Map(names.map((one) => [key(one), one])).values()]
  const isTold = ({ protocol, name }: Name) =>
    all.some((other) => other.port !== undefined && other.protocol === protocol && other.name === name)
  return all.filter((one) => one.port !== undefined || !isTold(one))
}

async function checkName({ protocol, name, from, port }: Name, nodeRuns: boolean): Promise<Finding[]> {
  const shown = `/${protocol}/${name} (${from})`
  const found = await addressesOf(name, families[protocol] ?? 0)
  if (typeof found === 'string')
    return [
      fail(
        `${shown} has no address (${found})`,
        `give ${name} an ${recordFor(protocol)} record, or announce another name`,
      ),
    ]
  const is = judge(shown, found)
  if (!nodeRuns || port === undefined) return [is]
  return [is, ...(await Promise.all(found.slice(0, maxTried).map((address) => tryAddress(name, address, port))))]
}

function recordFor(protocol: string): string {
  return protocol === 'dns6' ? 'AAAA' : 'A'
}

function judge(shown: string, addresses: readonly string[]): Finding {
  const says = `${shown} is ${addresses.join(', ')}`
  const advice = 'others on the internet cannot dial it: point the name to a public address'
  if (addresses.every((address) => isLoopback(address))) return warn(`${says}: this machine alone`, advice)
  return addresses.every((address) => isPrivate(address)) ? warn(`${says}: a private network`, advice) : ok(says)
}

/** From here: a router may hide a public address from inside. */
async function tryAddress(name: string, address: string, port: number): Promise<Finding> {
  const why = await whyUnreachable(address, port)
  if (why === undefined) return ok(`${name} at ${address} port ${port} takes connections`)
  const says = `${name} at ${address} port ${port} cannot be reached from here (${why})`
  return warn(says, 'is it this machine, and is the port open? Ask from outside with --peer or waypost canary')
}

/** The addresses of a name, or why it has none. */
async function addressesOf(name: string, family: 0 | 4 | 6): Promise<readonly string[] | string> {
  using end = new DisposableStack()
  const abort = end.adopt(new AbortController(), (one) => one.abort())
  const late = pause(lookupTimeout, 'ETIMEOUT', { signal: abort.signal }).catch(() => 'ETIMEOUT')
  const found = lookup(name, { all: true, family }).then(
    (all) => all.map(({ address }) => address),
    (error: unknown) => systemCode(error),
  )
  return await Promise.race([found, late])
}
