/** Which pieces of the stack tests run on: all our own, or as `WAYPOST_STACK` says, which daemons read as their setting. */
import { type StackPiece, stackPieces } from '../../src/net/stack/stack.ts'

const named = (process.env.WAYPOST_STACK ?? 'waypost').split(',')

/** Those that are the stock ones. */
export const stockPieces: ReadonlySet<StackPiece> = new Set(
  stackPieces.filter((piece) => named.includes('stock') || named.includes(`stock-${piece}`)),
)
