/**
 * Hands the process over to another Node: becomes it where `process.execve` exists (Node 22.15 and newer, not on
 * Windows), so that the process id stays; elsewhere runs it and stands in for it.
 */
import { spawn } from 'node:child_process'

/** What the stand-in passes on. SIGWINCH is for programs that draw on the terminal. */
const forwarded = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGWINCH']

const endWithLauncher = new URL('./end-with-launcher.js', import.meta.url).href

/** Exit code when the other program cannot be started, as shells have it. */
const cannotStart = 126

/** Runs `node` with `args` in place of this process, which ends when it does and in the same way. */
export function handOver(node, args) {
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(node, [node].concat(args), process.env)
  } else {
    standIn(node, args)
  }
}

/**
 * The child gets a session of its own, or a Ctrl-C would reach it twice: from the terminal and from here. It holds the
 * other end of a pipe: when this process is killed the pipe closes, and the child ends too (end-with-launcher.js).
 */
function standIn(node, args) {
  const child = spawn(node, ['--import', endWithLauncher].concat(args), {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: Object.assign({}, process.env, { LAUNCHER_PIPE: '3' }),
    detached: process.platform !== 'win32',
  })
  for (const signal of forwarded) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`cannot run ${node}: ${error.message}`)
    process.exitCode = cannotStart
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exitCode = code
    else endBy(signal)
  })
}

/** Ends this process by the signal that ended the child, so that a supervisor sees what happened. */
function endBy(signal) {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
