import { visible } from "../contract/visible";

/** Quotes words so that a shell reads them back unchanged. */
export function shellWords(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}

function shellWord(word: string): string {
  if (/^[\w./:=@%+,-]+$/.test(word)) return word;
  // A POSIX shell has no escapes for what cannot be shown; bash and zsh have.
  if (visible(word) !== word) return `$'${visible(word.replace(/[\\']/g, "\\$&"))}'`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
