/** Confines the page to itself: no other page, no second window, no device, no file, no network. */
import { app, session } from "electron";
import { isOurPage } from "./protocol";

const OWN_SCHEMES = new Set(["app:", "blob:", "devtools:"]);

/**
 * Must run before the app is ready. Filters of requests do not see everything that a page can make the browser send: look-ups of names, connections
 * in advance, WebRTC over TCP. So the browser finds no address at all, whether by name or by number. The engine has its own network.
 */
export function reachNothing(): void {
  app.commandLine.appendSwitch("host-resolver-rules", "MAP * ~NOTFOUND");
}

export function allowOnlyOurselves(): void {
  app.on("web-contents-created", (_event, contents) => {
    const stayHere = (event: Electron.Event, url: string) => {
      if (!isOurPage(url)) event.preventDefault();
    };
    contents.on("will-navigate", stayHere);
    contents.on("will-redirect", stayHere);
    contents.on("will-attach-webview", (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: "deny" }));
    // WebRTC would send UDP past every filter.
    contents.setWebRTCIPHandlingPolicy("disable_non_proxied_udp");
    // Without a listener, Electron picks the first device that it finds.
    contents.on("select-bluetooth-device", (event, _devices, choose) => {
      event.preventDefault();
      choose("");
    });
    contents.on("will-prevent-unload", (event) => event.preventDefault());
  });

  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.on("will-download", (event) => event.preventDefault());
  defaultSession.webRequest.onBeforeRequest(({ url }, answer) => answer({ cancel: !OWN_SCHEMES.has(new URL(url).protocol) }));
}
