/** The address that a text is; null if it is none. `URL.canParse` would do, but older versions of Electron come with a Node that lacks it. */
export function webAddress(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
