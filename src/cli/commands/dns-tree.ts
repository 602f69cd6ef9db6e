/** `waypost dns-tree`: the node records of a fleet as a signed tree in DNS, made and looked after. */
import { type Command, InvalidArgumentError } from 'commander'
import { list } from '../../settings/kinds/kind.ts'
import { hostName, nameServer } from '../../settings/kinds/network.ts'
import { action, argumentOf } from '../action.ts'
import type { CheckOptions } from './dns-tree-check.ts'
import type { SignOptions } from './dns-tree-sign.ts'

export function addDnsTree(program: Command): void {
  const tree = program.command('dns-tree').description('Node records of a fleet as a signed tree in DNS (EIP-1459)')
  addSign(tree)
  addCheck(tree)
}

function addSign(tree: Command): void {
  tree
    .command('sign')
    .description('Sign a tree: prints a zone file, or with --json the records by their names')
    .argument('<domain>', 'where the tree is to be: nodes.example.org', argumentOf(hostName))
    .argument('[enr...]', 'node records: enr:...')
    .requiredOption('--key-file <file>', 'the key that signs the tree: 64 hexadecimal digits, for its owner only')
    .option('--new-key', 'make the key when the file is not there')
    .option('--from <file>', 'node records from a file, one a line, or - for standard input')
    .option('--node <url>', 'the record of a running node, from its REST API; repeatable', collect)
    .option('--link <url>', 'another tree to name, enrtree://...; repeatable', collect)
    .option(
      '--sequence <number>',
      'the sequence number; unless given, one more than before when the tree has changed',
      number,
    )
    .option('--json', 'one line of JSON')
    .action(action(sign))
}

function addCheck(tree: Command): void {
  tree
    .command('check')
    .description('Read a tree as nodes do; exit code 0 when all of it is as it should be, 1 when an entry is not')
    .argument('<url>', 'the tree: enrtree://<key>@<domain>')
    .option('--file <file>', 'read it from a zone file or JSON in place of DNS')
    .option(
      '--name-server <address>',
      'whom to ask, several with commas; unless given, those of the system',
      argumentOf(list(nameServer)),
    )
    .option('--json', 'one line of JSON')
    .action(action(check))
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function number(text: string): bigint {
  if (/^\d{1,19}$/.test(text)) return BigInt(text)
  throw new InvalidArgumentError('not a number')
}

// What deals with keys and signatures is heavy to load, and needed only when one of these runs.
async function sign(domain: string, records: readonly string[], options: SignOptions): Promise<undefined> {
  const { signTree } = await import('./dns-tree-sign.ts')
  await signTree(domain, records, options)
}

async function check(url: string, options: CheckOptions): Promise<number> {
  const { checkTree } = await import('./dns-tree-check.ts')
  return await checkTree(url, options)
}
