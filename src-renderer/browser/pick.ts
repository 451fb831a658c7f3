import { mount, unmount } from "svelte";
import type { Wanted } from "../../src-main/contract/served";
import { Browsing, type Picked, type Places } from "./browsing.svelte";
import Picker from "./Picker.svelte";

/** Asks the user for something on the server; null if they pick nothing. `name`: suggested for a new file or folder. */
export async function pick(server: Places, wanted: Wanted, name = ""): Promise<Picked | null> {
  const browsing = new Browsing(server, wanted, name);
  await browsing.begin();
  return new Promise((resolve) => {
    const dialog = mount(Picker, {
      target: document.body,
      props: {
        browsing,
        onend: (picked: Picked | null) => {
          unmount(dialog);
          resolve(picked);
        },
      },
    });
  });
}
