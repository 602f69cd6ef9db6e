/** Preloaded into a daemon: at each SIGUSR2 it prints, as a line of its log, the longest hold of its event loop since the last. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const monitor = monitorEventLoopDelay({ resolution: 1 })
monitor.enable()
let asked = 0
process.on('SIGUSR2', () => {
  asked += 1
  console.log(JSON.stringify({ msg: 'loop held', asked, held: monitor.max / 1e6, p99: monitor.percentile(99) / 1e6 }))
  monitor.reset()
})
