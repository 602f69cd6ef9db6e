/**
 * The image, built and run without an engine by deploy/test-image.sh, which holds it to what Dockerfile promises; then both
 * compose files with it, by deploy/test-compose.sh.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { needs, type Tool } from '../kit/tools.ts'

const root = path.resolve(import.meta.dirname, '../../..')

/** Milliseconds. A Debian is made, packages installed, the image built, ten containers started: four minutes on two idle cores. */
const patience = 900_000

const composeTools = ['podman-compose', 'prometheus', 'postgres'] as const satisfies readonly Tool[]

const tools = ['buildah', 'podman', 'runc', 'debootstrap'] as const satisfies readonly Tool[]

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs a script of deploy/ with its images and containers in `work`. */
async function script(file: string, work: string): Promise<Ended> {
  const child = spawn('bash', [path.join(root, 'deploy', file)], {
    cwd: root,
    env: { ...process.env, WORK: work },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'close')])
  return { code: child.exitCode, output: `${stdout}${stderr}` }
}

/** Overlays are mounted in there while a container runs: `umount` first where a script was ended in the middle. */
async function workFolder(t: Test): Promise<string> {
  const work = await mkdtemp(path.join(tmpdir(), 'waypost-image-'))
  t.teardown(async () => {
    const child = spawn('bash', [
      '-c',
      'umount -R "$1"/storage/overlay/*/merged "$1"/storage/overlay 2>/dev/null; rm -rf --one-file-system "$1"',
      '_',
      work,
    ])
    await once(child, 'close')
  })
  return work
}

/** Lines of a script that failed which are told, the last ones. */
const linesTold = 40

t.setTimeout(patience)

t.test(
  'the image is built and does what Dockerfile promises, and so do the compose files',
  { timeout: patience },
  async (t) => {
    if (process.getuid?.() !== 0) return t.plan(0, 'needs root')
    if ([...tools, ...composeTools].some((tool) => needs(t, tool) === undefined)) return
    const work = await workFolder(t)
    for (const file of ['test-image.sh', 'test-compose.sh']) {
      const { code, output } = await script(file, work)
      for (const [, sentence = ''] of output.matchAll(/^ok {3}(.*)$/gm)) t.pass(sentence)
      // At the end of the report, where a reader finds it; above it stands what passed.
      const rest = output.split('\n').filter((line) => !line.startsWith('ok '))
      if (!t.equal(code, 0, `${file} ends well`, { diagnostic: true, output: rest.slice(-linesTold) })) return
    }
  },
)
