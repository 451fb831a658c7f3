/**
 * Characters that a terminal or a page obeys instead of showing: controls, line and paragraph separators, bidirectional marks and overrides,
 * spaces of no width, tags, and halves of characters. Names of files, runs and classes may hold any of them.
 */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2069}\u{feff}\u{e0000}-\u{e007f}]/gu;

const SHORT: Record<string, string | undefined> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** One line of text in which nothing is obeyed and nothing hides: such characters are written as escapes, as in JSON. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => SHORT[character] ?? escaped(character));
}

/** The same for text of several lines. */
export function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}

/** A JSON document that means the same and can be shown in a terminal. */
export function visibleJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replace(UNSEEN, (character) => (character === "\n" ? character : escaped(character)));
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`).join("");
}
