/** The ports of a node: free before the start, its own while it runs; and whether its addresses can be reached. */
import { once } from 'node:events'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { connect, createServer, isIP } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { systemCode } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { isLoopback, isPrivate } from '../../net/networks.ts'
import { type Listener, listeners } from '../../settings/checks.ts'
import { type Examined, type Finding, fail, ok, warn } from './check.ts'

export async function checkPorts({ settings, node }: Examined): Promise<Finding[]> {
  const fixed = listeners(settings).filter(([, port]) => port !== 0)
  if (fixed.length === 0) return [ok('the system chooses all ports')]
  const own = node === undefined ? new Set<number>() : await ownPorts(node.snapshot.addresses, node.snapshot.url)
  return await Promise.all(fixed.map((listener) => checkPort(listener, own)))
}

/** The ports that a running node says it has. */
async function ownPorts(addresses: readonly string[], url: string): Promise<ReadonlySet<number>> {
  const listening = addresses.flatMap((address) => Number(/\/tcp\/(\d+)/.exec(address)?.[1] ?? Number.NaN))
  return new Set([...listening, Number(new URL(url).port)])
}

async function checkPort([name, port, address]: Listener, own: ReadonlySet<number>): Promise<Finding> {
  const code = await whyTaken(port, address)
  if (code === undefined) return ok(`${name} ${port} is free`)
  const flag = `--${name}`
  if (code === 'EADDRINUSE' && own.has(port)) return ok(`${name} ${port} is in use by the running node`)
  if (code === 'EADDRINUSE')
    return fail(`${name} ${port} is taken by ${await holderOf(port)}`, `stop it, or choose another ${flag}`)
  if (code === 'EACCES') return fail(`${name} ${port} needs a privilege`, `choose ${flag} from 1024 on`)
  return fail(`${name}: ${address} port ${port} cannot be listened on (${code})`, `is ${address} of this machine?`)
}

/** Listens for a moment; the code of the error when that is not possible. */
async function whyTaken(port: number, host: string): Promise<string | undefined> {
  const server = createServer()
  try {
    server.listen({ port, host, exclusive: true })
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return undefined
  } catch (error) {
    return systemCode(error)
  }
}

/** The process that listens on a port, as far as Linux shows it to us: `nginx (process 42)`. */
async function holderOf(port: number): Promise<string> {
  const inodes = await listeningInodes(port)
  const pids = inodes.size === 0 ? [] : (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    if (!(await holdsSocket(pid, inodes))) continue
    const words = (await readText(`/proc/${pid}/cmdline`)).split('\0')
    const isNode = words.some((word) => /waypost|src\/cli\/main\.js$/.test(word))
    return isNode
      ? `a waypost node (process ${pid})`
      : `${(await readText(`/proc/${pid}/comm`)).trim()} (process ${pid})`
  }
  return 'another process'
}

/** Columns of /proc/net/tcp: local address, state (0A listens), inode. */
async function listeningInodes(port: number): Promise<ReadonlySet<string>> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readText))
  const rows = tables.flatMap((text) => text.split('\n').slice(1)).map((row) => row.trim().split(/\s+/))
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0')
  const matching = rows.filter(([, local = '', , state]) => local.endsWith(`:${hexadecimal}`) && state === '0A')
  return new Set(matching.map((columns) => columns[9] ?? ''))
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  const files = await readdir(folder).catch(() => [])
  const links = await Promise.all(files.map((file) => readlink(`${folder}/${file}`).catch(() => '')))
  return links.some((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''))
}

function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}

/** For one connection to an address of our own. */
const connectTimeout: Milliseconds = 3000

/** Connects to each address that the running node announces. One with a name is left out: its look-up asks others (`checkNames`). */
export async function checkAddresses({ node }: Examined): Promise<Finding[]> {
  if (node === undefined) return []
  const reachable = node.snapshot.addresses.map(targetOf).filter((target) => target !== undefined)
  if (reachable.length === 0)
    return [warn('the node announces no IP address', 'set --nat=extip:<ip> or --ext-multiaddr')]
  const findings = await Promise.all(reachable.map(checkAddress))
  const isPublic = reachable.some(({ host }) => !isLoopback(host) && !isPrivate(host))
  const hidden = warn(
    'no public address is announced: only this network can dial the node',
    'set --nat=extip:<ip> or --dns4-domain-name',
  )
  const named = node.snapshot.addresses.some((address) => /\/dns/.test(address))
  return isPublic || named ? findings : [...findings, hidden]
}

interface Target {
  readonly address: string
  readonly host: string
  readonly port: number
}

function targetOf(address: string): Target | undefined {
  const [host, transport] = multiaddr(address).getComponents()
  if (host?.value === undefined || isIP(host.value) === 0 || transport?.name !== 'tcp') return undefined
  return { address, host: host.value, port: Number(transport.value) }
}

async function checkAddress({ address, host, port }: Target): Promise<Finding> {
  const why = await whyUnreachable(host, port)
  if (why === undefined) return ok(`${address.split('/p2p/')[0]} takes connections`)
  const says = `${address.split('/p2p/')[0]} cannot be reached from here (${why})`
  if (isLoopback(host) || isPrivate(host)) return fail(says, 'is a firewall in the way?')
  return warn(says, 'many routers hide a public address from inside: ask from outside with --peer or waypost canary')
}

/** Connects for a moment; the code of the error when that is not possible. */
export async function whyUnreachable(host: string, port: number): Promise<string | undefined> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeout) })
    return undefined
  } catch (error) {
    return systemCode(error)
  } finally {
    socket.destroy()
  }
}
