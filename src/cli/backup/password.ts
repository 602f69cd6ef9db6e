/** The password of a backup: from a file, or asked for. */
import { askSecret, asNew, passwordIn } from '../password.ts'

export interface PasswordOptions {
  readonly passwordFile?: string
  readonly askPassword?: boolean
}

/** The password that the options give; undefined when they give none. Throws `cli/bad-usage`, `cli/no-such-file`. */
export async function passwordOf({ passwordFile, askPassword }: PasswordOptions): Promise<string | undefined> {
  if (passwordFile !== undefined) return await passwordIn(passwordFile)
  return askPassword === true ? await ask('Password of the backup: ') : undefined
}

/** A password for a new backup: asked for twice. */
export async function newPassword(options: PasswordOptions): Promise<string | undefined> {
  const password = await passwordOf(options)
  if (password === undefined) return undefined
  return await asNew(password, options.passwordFile === undefined ? () => ask('Once more: ') : undefined)
}

function ask(question: string): Promise<string> {
  return askSecret(question, 'there is no terminal to ask for the password: take --password-file')
}
