/** The router of `router.ts` as a program, for a network namespace: says each action that it is asked for. */
import { router } from './router.ts'

const [address, externalAddress] = process.argv.slice(2)
const made = await router({ teardown() {} }, { address, externalAddress })
const push = made.asked.push.bind(made.asked)
made.asked.push = (...actions) => {
  for (const action of actions) process.stdout.write(`${action}\n`)
  return push(...actions)
}
process.stdout.write('ready\n')
