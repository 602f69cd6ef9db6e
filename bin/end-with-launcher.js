/**
 * The child's side of the launcher, loaded before the program (hand-over.js).
 *
 * A launcher that is killed outright forwards nothing. Its end of the pipe closes, and this process ends in the same way:
 * whoever killed it wants the port and the archive free.
 */
import { Socket } from 'node:net'

/** Names the pipe's file descriptor. Taken out, so that no setting and no child of this process finds it. */
const descriptor = process.env.LAUNCHER_PIPE
delete process.env.LAUNCHER_PIPE

if (descriptor !== undefined) {
  const pipe = new Socket({ fd: Number(descriptor), readable: true, writable: false })
  pipe.on('error', end).on('close', end).resume().unref()
}

function end() {
  process.kill(process.pid, 'SIGKILL')
}
