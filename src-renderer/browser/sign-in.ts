import { mount, unmount } from "svelte";
import SignIn from "./SignIn.svelte";

/** Who takes a token. */
export interface TakesToken {
  /** Resolves to whether that was the token. Rejects if nobody answers. */
  signIn(token: string): Promise<boolean>;
}

/** Asks for the token, over the page as it is. */
export function askForToken(server: TakesToken): void {
  const dialog = mount(SignIn, { target: document.body, props: { server, onend: () => void unmount(dialog) } });
}

/** The token of the line that the server printed; the text itself if it is no such line. */
export const tokenIn = (text: string): string => /[#?&]token=([^&\s]+)/.exec(text)?.[1] ?? text.trim();
