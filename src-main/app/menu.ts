import { app, type BrowserWindow, Menu, type MenuItemConstructorOptions, shell } from "electron";
import type { Command } from "../contract/host";
import { commandKeys, windowKeys } from "../contract/shortcuts";

interface Parts {
  window: BrowserWindow;
  runsDirectory: string;
  send: (command: Command) => void;
}

export function installMenu({ window, runsDirectory, send }: Parts): void {
  const item = (label: string, command: keyof typeof commandKeys): MenuItemConstructorOptions => ({
    label,
    accelerator: commandKeys[command].keys,
    click: () => send(command),
  });
  const role = (name: Exclude<keyof typeof windowKeys, "quit">): MenuItemConstructorOptions => ({ role: name, accelerator: windowKeys[name].keys });
  const about: MenuItemConstructorOptions = { label: "&About Distill Studio", click: () => send("about") };
  const separator: MenuItemConstructorOptions = { type: "separator" };
  const developerTools: MenuItemConstructorOptions[] = app.isPackaged ? [] : [separator, { role: "toggleDevTools" }];

  const template: MenuItemConstructorOptions[] = [
    {
      label: "&File",
      submenu: [
        item("Open &Data Folder…", "openData"),
        item("Open &Image…", "openImage"),
        separator,
        { label: "Show &Runs Folder", click: () => shell.openPath(runsDirectory) },
        separator,
        { label: "&Quit", accelerator: windowKeys.quit.keys, click: () => window.close() },
      ],
    },
    { label: "&Edit", submenu: [{ role: "undo" }, { role: "redo" }, separator, { role: "cut" }, { role: "copy" }, { role: "paste" }, { role: "selectAll" }] },
    { label: "&Training", submenu: [item("&Start", "start"), item("&Pause or Continue", "pause"), item("S&top with a Checkpoint", "stop")] },
    {
      label: "&View",
      submenu: [
        item("&Data", "data"),
        item("&Set Up", "setup"),
        item("&Live", "live"),
        item("&Predict", "predict"),
        item("&Runs", "runs"),
        separator,
        role("resetZoom"),
        role("zoomIn"),
        role("zoomOut"),
        role("togglefullscreen"),
        ...developerTools,
      ],
    },
    { label: "&Help", submenu: [item("&Keyboard Shortcuts", "shortcuts"), about] },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
