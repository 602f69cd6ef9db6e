/** What a check is given, and what a test asks of its findings. */
import type { Test } from 'tap'
import type { Check, Examined, Finding } from '../../../src/cli/doctor/check.ts'
import { resolveSettings } from '../../../src/settings/resolve.ts'

/** What the checks get for these flags. */
export function examined(argv: readonly string[], more: Partial<Examined> = {}): Examined {
  return { settings: resolveSettings({ argv }).settings, node: undefined, peer: undefined, lookUp: false, ...more }
}

export const levels = (findings: readonly Finding[]): string[] => findings.map(({ level }) => level)

/** Runs a check and gives the one finding that is not in order; fails when there is another number of them. */
export async function trouble(t: Test, run: Check['run'], looked: Examined): Promise<Finding> {
  const findings = await run(looked)
  const [found, ...others] = findings.filter(({ level }) => level === 'warn' || level === 'fail')
  t.same(others, [], 'one trouble')
  t.ok(found, JSON.stringify(findings))
  return found ?? { level: 'ok', says: '' }
}

/** Fails when anything is not in order, or nothing is told. */
export async function allWell(t: Test, run: Check['run'], looked: Examined): Promise<void> {
  const findings = await run(looked)
  t.ok(findings.length > 0)
  t.same(
    findings.filter(({ level }) => level !== 'ok'),
    [],
    'all is well',
  )
}
