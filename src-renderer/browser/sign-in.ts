import { mount, unmount } from "svelte";
import type { Connection } from "./connection";
import SignIn from "./SignIn.svelte";

/** Asks for the token, over the page as it is. */
export function askForToken(server: Pick<Connection, "signIn">): void {
  const dialog = mount(SignIn, { target: document.body, props: { server, onend: () => void unmount(dialog) } });
}
