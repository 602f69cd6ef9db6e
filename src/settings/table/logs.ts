/** Where settings come from, and the log. */
import { choice, filePath, oneOf } from '../kinds/plain.ts'
import { setting } from '../row.ts'

/** nwaku's levels, and those of go-waku and pino. */
const levels = choice({
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  notice: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  dpanic: 'fatal',
  panic: 'fatal',
  fatal: 'fatal',
  silent: 'silent',
})

export const logs = {
  'config-file': setting(filePath, 'A TOML file with settings; a key is the name of the flag.', {
    unset: 'none is read',
  }),
  'log-level': setting(levels, "The least level that is logged. nwaku's NOTICE counts as info.", {
    default: 'info',
    live: true,
  }),
  'log-format': setting(oneOf('text', 'json'), 'How lines are written.', {
    unset: 'text for a terminal, JSON otherwise',
    nwaku: 'TEXT',
  }),
} as const
