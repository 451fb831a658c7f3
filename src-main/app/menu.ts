import { app, type BrowserWindow, Menu, type MenuItemConstructorOptions, shell } from "electron";
import type { Command } from "../contract/host";

interface Parts {
  window: BrowserWindow;
  runsDirectory: string;
  send: (command: Command) => void;
}

export function installMenu({ window, runsDirectory, send }: Parts): void {
  const item = (label: string, accelerator: string, command: Command): MenuItemConstructorOptions => ({ label, accelerator, click: () => send(command) });
  const separator: MenuItemConstructorOptions = { type: "separator" };
  const developerTools: MenuItemConstructorOptions[] = app.isPackaged ? [] : [separator, { role: "toggleDevTools" }];

  app.setAboutPanelOptions({ applicationName: "Distill Studio", applicationVersion: app.getVersion(), copyright: "MIT licence" });
  const template: MenuItemConstructorOptions[] = [
    {
      label: "&File",
      submenu: [
        item("Open &Data Folder…", "CmdOrCtrl+O", "openData"),
        item("Open &Image…", "CmdOrCtrl+I", "openImage"),
        separator,
        { label: "Show &Runs Folder", click: () => shell.openPath(runsDirectory) },
        separator,
        { label: "&Quit", accelerator: "CmdOrCtrl+Q", click: () => window.close() },
      ],
    },
    { label: "&Edit", submenu: [{ role: "undo" }, { role: "redo" }, separator, { role: "cut" }, { role: "copy" }, { role: "paste" }, { role: "selectAll" }] },
    {
      label: "&Training",
      submenu: [
        item("&Start", "CmdOrCtrl+Return", "start"),
        item("&Pause or Continue", "CmdOrCtrl+Shift+P", "pause"),
        item("S&top with a Checkpoint", "CmdOrCtrl+Shift+S", "stop"),
      ],
    },
    {
      label: "&View",
      submenu: [
        item("&Data", "CmdOrCtrl+1", "data"),
        item("&Set Up", "CmdOrCtrl+2", "setup"),
        item("&Live", "CmdOrCtrl+3", "live"),
        item("&Predict", "CmdOrCtrl+4", "predict"),
        item("&Runs", "CmdOrCtrl+5", "runs"),
        separator,
        { role: "resetZoom" },
        { role: "zoomIn" },
        { role: "zoomOut" },
        { role: "togglefullscreen" },
        ...developerTools,
      ],
    },
    { label: "&Help", submenu: [{ role: "about" }] },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
