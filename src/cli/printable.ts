/**
 * What others wrote, as it may stand on a terminal: without characters that command it, reorder a line or cannot be seen. Peers,
 * nodes and whoever invents a topic may write anything.
 */

/** The joiners of emoji and of some scripts are not seen by themselves, and harm nobody. */
const harmful = /(?![\u200c\u200d])\p{C}/gu

/** One line. */
export function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?')
}

/** Lines of a text, none of which looks like one of ours only because the text has a line break. */
export function printableLines(text: string): string[] {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).map((line) => line.replaceAll('\t', '  ').replaceAll(harmful, '?'))
}
