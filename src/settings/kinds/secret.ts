/** What must not be read by others: keys, passwords, URLs with a password. None of these repeats its text. */
import { type Kind, Misfit } from './kind.ts'

const hidden = '(hidden)'

/** A key of 32 bytes as 64 hexadecimal digits. */
export const privateKey: Kind<string> = {
  type: 'key',
  form: '64 hexadecimal digits',
  secret: 'whole',
  parse(text) {
    const digits = text.trim().replace(/^0x/i, '')
    return /^[0-9a-f]{64}$/i.test(digits) ? digits.toLowerCase() : new Misfit('not a key of 64 hexadecimal digits')
  },
  show: () => hidden,
}

/** A password or token. */
export const password: Kind<string> = {
  type: 'secret',
  form: 'text',
  secret: 'whole',
  parse: (text) => text,
  show: () => hidden,
}

/** A token of at least 16 characters that an HTTP header can carry. */
export const token: Kind<string> = {
  type: 'secret',
  form: '16 to 256 printable characters without blanks',
  secret: 'whole',
  parse(text) {
    const fits = /^[\x21-\x7e]{16,256}$/.test(text.trim())
    return fits ? text.trim() : new Misfit('not a token of 16 to 256 printable characters without blanks')
  },
  show: () => hidden,
}

/** The URL of an HTTP service. Providers write their keys into path and query, so only the host is shown. */
export const serviceUrl: Kind<string> = {
  type: 'url',
  form: 'http://... or https://...',
  secret: 'part',
  parse(text) {
    const url = URL.parse(text.trim())
    return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href : new Misfit('not an http or https URL')
  },
  show: (value) => new URL(value).origin,
}
