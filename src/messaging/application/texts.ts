/** What people write, as status-go's receivers take it. */

/** Characters of a message, and of a status. Characters are Unicode code points, as Go's runes. */
const maxTextCharacters = 4096
const maxStatusCharacters = 128

/** What Go's `strings.TrimSpace` takes for white space. JavaScript's `trim` differs in U+0085 and U+FEFF. */
const blank = /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/

/** Five to 24 letters, digits, spaces, `_` and `-`. status-go refuses the generated three-word names as well. */
const displayName = /^[0-9A-Za-z_\-\t\n\f\r ]{5,24}$/

export type TextFault = 'blank text' | 'text too long'

export function isBlank(text: string): boolean {
  return blank.test(text)
}

export function textFault(text: string): TextFault | undefined {
  if (isBlank(text)) return 'blank text'
  return isLonger(text, maxTextCharacters) ? 'text too long' : undefined
}

export function statusTextFault(text: string): TextFault | undefined {
  return isLonger(text, maxStatusCharacters) ? 'text too long' : undefined
}

/** A display name that others take: none, or one of the form above. */
export function displayNameFault(name: string): 'bad display name' | undefined {
  const trimmed = name.trim()
  return trimmed === '' || displayName.test(trimmed) ? undefined : 'bad display name'
}

function isLonger(text: string, most: number): boolean {
  // A code point is one or two units of a JavaScript string: most texts need no count.
  if (text.length <= most) return false
  return text.length > most * 2 || [...text].length > most
}
