/** Tools that some tests need and not every machine has. */
import { accessSync, constants, globSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'

/** The names under which a tool is installed, the first found counts. Add a row; .ci/run installs it. */
const tools = {
  buildah: ['buildah'],
  /** Debian's `chromium`. */
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
  debootstrap: ['debootstrap'],
  /** Debian's `dnsmasq-base`. */
  dnsmasq: ['dnsmasq'],
  /** Debian's `iproute2`. */
  ip: ['ip'],
  iptables: ['iptables'],
  openssl: ['openssl'],
  bash: ['bash'],
  fish: ['fish'],
  tmux: ['tmux'],
  zsh: ['zsh'],
  podman: ['podman'],
  'podman-compose': ['podman-compose'],
  /** Debian's `postgresql`: the server itself. */
  postgres: ['postgres'],
  /** util-linux. */
  prlimit: ['prlimit'],
  /** Both of Debian's `prometheus`. */
  faketime: ['faketime'],
  prometheus: ['prometheus'],
  promtool: ['promtool'],
  runc: ['runc'],
  strace: ['strace'],
  /** Debian's `systemd`. */
  'systemd-analyze': ['systemd-analyze'],
} as const satisfies Record<string, readonly string[]>

export type Tool = keyof typeof tools

/**
 * The path of a tool, or undefined when the machine lacks it: then the test is skipped (`needs chromium`), or failed where
 * CI=true, which has every tool. Call it first and return on undefined.
 */
export function needs(t: Test, tool: Tool): string | undefined {
  const found = findTool(tool)
  if (found !== undefined) return found
  if (process.env.CI === 'true') t.fail(`needs ${tool}`)
  else t.plan(0, `needs ${tool}`)
  return undefined
}

/** The path of a tool, for a bench, which does without what the machine lacks. */
export function findTool(tool: Tool): string | undefined {
  return tools[tool].map(findProgram).find((program) => program !== undefined)
}

/** Where Debian puts the programs of a PostgreSQL server, which are not on PATH; the newest first. */
function serverFolders(): string[] {
  return globSync('/usr/lib/postgresql/*/bin').sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
}

/** The full path of a program on PATH, of one for administrators, or of one of PostgreSQL's. */
function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', ...serverFolders()]
  return folders.map((folder) => path.join(folder, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
