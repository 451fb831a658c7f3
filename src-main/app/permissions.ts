/** Confines the page to itself: no other page, no second window, no device, no network. */
import { app, session } from "electron";
import { isOurPage } from "./protocol";

const OWN_SCHEMES = new Set(["app:", "blob:", "devtools:"]);

export function allowOnlyOurselves(): void {
  app.on("web-contents-created", (_event, contents) => {
    const stayHere = (event: Electron.Event, url: string) => {
      if (!isOurPage(url)) event.preventDefault();
    };
    contents.on("will-navigate", stayHere);
    contents.on("will-redirect", stayHere);
    contents.on("will-attach-webview", (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: "deny" }));
  });

  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.webRequest.onBeforeRequest(({ url }, answer) => answer({ cancel: !OWN_SCHEMES.has(new URL(url).protocol) }));
}
