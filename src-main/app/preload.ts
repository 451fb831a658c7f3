/** Exposes the typed host calls, and nothing else of Electron, on the page's window. Runs in the sandbox. */
import * as electron from "electron";
import type { EngineEnd } from "../contract/engine";
import { type Command, DROPPED, ENGINE_PORT, HOST_CALLS, type Host } from "../contract/host";

const { contextBridge, ipcRenderer } = electron;

/** The parts of the page's window and File that are used here. */
declare const window: { postMessage(message: unknown, origin: string, transfer: readonly unknown[]): void; location: { origin: string } };
type PageFile = Parameters<typeof electron.webUtils.getPathForFile>[0];
declare const File: { prototype: PageFile };

// A port cannot cross the context bridge; a window message can carry it.
ipcRenderer.on(ENGINE_PORT, (event) => window.postMessage(ENGINE_PORT, window.location.origin, event.ports));

function subscribe<Value>(channel: string, listener: (value: Value) => void): () => void {
  const forward = (_event: unknown, value: Value) => listener(value);
  ipcRenderer.on(channel, forward);
  return () => ipcRenderer.removeListener(channel, forward);
}

const calls = Object.fromEntries(HOST_CALLS.map((name) => [name, (...args: unknown[]) => ipcRenderer.invoke(name, ...args)]));

/** `File.path` was replaced by `webUtils` in Electron 32. The browser's own getter: a page can make an object with any `path`. */
const filePath = Object.getOwnPropertyDescriptor(File.prototype, "path")?.get;
const pathOf = (file: PageFile): string => electron.webUtils?.getPathForFile(file) ?? filePath?.call(file) ?? "";

const host = {
  ...calls,
  pathForFile: async (file: PageFile) => {
    const path = pathOf(file);
    if (path) await ipcRenderer.invoke(DROPPED, path);
    return path;
  },
  onEnding: (listener: () => void) => subscribe<undefined>("ending", listener),
  onCommand: (listener: (command: Command) => void) => subscribe("command", listener),
  onEngineExit: (listener: (end: EngineEnd) => void) => subscribe("engine-exit", listener),
} as Host<PageFile>;

contextBridge.exposeInMainWorld("host", host);
