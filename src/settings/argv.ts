/**
 * Flags, as nwaku takes them: `--flag=value`, `--flag:value`, `--flag value`, a bare `--flag` for true. A list is
 * repeated; of anything else the last one counts, so that extra flags can be appended to a command.
 */
import { type Findings, type Given, settingNamed, unknown } from './given.ts'
import { bool } from './kinds/plain.ts'
import { settingTable } from './table.ts'

const flagForm = /^--([^=:\s]+)(?:[=:]([\s\S]*))?$/

/** The settings that `argv` gives: the arguments after the sub-command. */
export function readFlags(argv: readonly string[], findings: Findings): Given[] {
  const given: Given[] = []
  const left = [...argv]
  while (left.length > 0) {
    const one = takeFlag(left, argv.length - left.length + 1, findings)
    if (one !== undefined) given.push(one)
  }
  return given
}

/** Takes the first flag, and its value if that stands apart, off `left`. */
function takeFlag(left: string[], position: number, { problems }: Findings): Given | undefined {
  const argument = left.shift() ?? ''
  const [, flag, attached] = flagForm.exec(argument) ?? []
  if (flag === undefined) {
    // It is not repeated: it may be a secret that a blank has cut off from its flag.
    problems.push(`argument ${position}: not a flag; flags are written --name=value`)
    return undefined
  }
  const setting = settingNamed(flag)
  if (setting === undefined) {
    problems.push(`--${flag}: ${unknown(flag, (name) => `--${name}`)}`)
    if (attached === undefined) takeValue(left)
    return undefined
  }
  const isBool = settingTable[setting.name].kind === bool
  const value = attached ?? (isBool ? (takeTruth(left) ?? 'true') : takeValue(left))
  if (value !== undefined) return { ...setting, text: value, origin: { from: 'flag', flag } }
  problems.push(`--${flag}: needs a value: --${flag}=<value>`)
  return undefined
}

function takeValue(left: string[]): string | undefined {
  return left[0]?.startsWith('--') ? undefined : left.shift()
}

function takeTruth(left: string[]): string | undefined {
  return /^(true|false)$/i.test(left[0] ?? '') ? left.shift() : undefined
}
