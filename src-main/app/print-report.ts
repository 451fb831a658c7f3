/** Prints a report, which is a page without script, as a document or as one picture, with the Chromium of this app. */
import { writeFileSync } from "node:fs";
import { BrowserWindow, session } from "electron";
import type { PrintedFormat } from "../contract/host";

/** Of the picture, in CSS pixels: the report's widest column, its margins, and a scroll bar, which the picture lacks. */
const WIDTH = 1143;
/** Chromium draws no larger picture, in pixels of a side. */
const LARGEST_SIDE = 16_000;
const SHARPNESS = 2;
/** In inches. */
const MARGIN = 0.5;

/** Writes the page to the file `out`, in light colours. Throws if the page cannot be read or `out` cannot be written. */
export async function printReport(page: string, out: string, format: PrintedFormat): Promise<void> {
  const window = new BrowserWindow({
    show: false,
    width: WIDTH,
    useContentSize: true,
    // A window that is neither shown nor drawn elsewhere has no picture.
    webPreferences: { offscreen: true, session: filesAlone(), sandbox: true, contextIsolation: true, nodeIntegration: false, javascript: false },
  });
  try {
    await window.loadFile(page);
    const { debugger: protocol } = window.webContents;
    protocol.attach();
    await protocol.sendCommand("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "light" }] });
    writeFileSync(out, await (format === "pdf" ? documentOf(window) : pictureOf(protocol)));
  } finally {
    window.destroy();
  }
}

const documentOf = ({ webContents }: BrowserWindow): Promise<Buffer> =>
  webContents.printToPDF({ printBackground: true, pageSize: "A4", margins: { top: MARGIN, bottom: MARGIN, left: MARGIN, right: MARGIN } });

async function pictureOf(protocol: Electron.Debugger): Promise<Buffer> {
  const { cssContentSize } = await protocol.sendCommand("Page.getLayoutMetrics");
  const scale = Math.min(SHARPNESS, LARGEST_SIDE / cssContentSize.height);
  const clip = { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale };
  const { data } = await protocol.sendCommand("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
  return Buffer.from(data, "base64");
}

/** A session that reads files and reaches nothing else. */
function filesAlone(): Electron.Session {
  const files = session.fromPartition("report");
  files.webRequest.onBeforeRequest(({ url }, answer) => answer({ cancel: new URL(url).protocol !== "file:" }));
  return files;
}
