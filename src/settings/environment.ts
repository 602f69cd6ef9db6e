/**
 * Environment variables: `WAYPOST_TCP_PORT=60001`, with nwaku's `WAKUNODE2_TCP_PORT` as an alias. Values are plain text
 * for every kind (nwaku reads numbers and booleans as hexadecimal memory, which nobody can have meant).
 */
import { type Findings, type Given, settingNamed, unknown } from './given.ts'

const prefix = 'WAYPOST_'
const alias = 'WAKUNODE2_'

/** What Kubernetes and Docker links set for a service that is called waypost: no settings of ours. */
const injected = /^(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?|NAME|ENV_\w+)$/

/** What `waypost message` and `waypost chat` take: no settings of the node. */
const ofMessages = /^MESSAGE_(PASSWORD|NODES)$/

/** The variable of a setting. */
export function variableOf(name: string): string {
  return prefix + name.toUpperCase().replaceAll('-', '_')
}

type Environment = Readonly<Record<string, string | undefined>>

/** The settings that `env` gives under our prefix, and those under nwaku's. An empty variable is one that is not set. */
export function readEnvironment(env: Environment, { problems, warnings }: Findings): readonly [Given[], Given[]] {
  return [readPrefixed(env, prefix, problems), readPrefixed(env, alias, warnings)]
}

/** An unknown variable of ours is a slip; one of nwaku's may be meant for another node, so that it is only told. */
function readPrefixed(env: Environment, prefix: string, unknowns: string[]): Given[] {
  const given: Given[] = []
  for (const [variable, text] of Object.entries(env)) {
    const rest = variable.startsWith(prefix) ? variable.slice(prefix.length) : ''
    if (rest === '' || text === undefined || text === '' || injected.test(rest) || ofMessages.test(rest)) continue
    const name = rest.toLowerCase().replaceAll('_', '-')
    const setting = settingNamed(name)
    if (setting === undefined) unknowns.push(`${variable}: ${unknown(name, variableOf)}`)
    else given.push({ ...setting, text, origin: { from: 'environment', variable } })
  }
  return given
}
