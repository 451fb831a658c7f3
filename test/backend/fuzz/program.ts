/**
 * Calls the addon from several threads, legally and not. Run by run.ts, with the addon that has sanitizers:
 *   node program.mjs ADDON SEED THREADS CALLS FOLDER [LIBRARY]
 * Prints the counts of each thread. Ends with 1 if a legal call fails, or a wrong one throws anything but a refusal. FOLDER gets the number of each thread's last call. With the
 * LIBRARY of the emulated GPU, the first thread uses that instead of the processor.
 */
import { openSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { Thread, type Untyped } from "./thread";

const [addonPath, seed, threads, calls, folder, library] = process.argv.slice(2) as [string, string, string, string, string, string?];

if (isMainThread) {
  const flags = new Int32Array(new SharedArrayBuffer(4 * Number(threads)));
  const program = fileURLToPath(import.meta.url);
  for (let thread = 1; thread < flags.length; thread++) new Worker(program, { argv: process.argv.slice(2), workerData: { thread, flags } });
  fuzz(0, flags);
} else fuzz(workerData.thread, workerData.flags);

function fuzz(number: number, flags: Int32Array): void {
  const log = openSync(`${folder}/thread-${number}`, "w");
  let onNew = () => {};
  const addon = loadedWith(() => onNew());
  const thread = new Thread(addon, { seed: Number(seed), thread: number, log, flags, library: number === 0 ? (library ?? null) : null });
  onNew = () => {
    if (thread.random.once(2) && thread.reading) thread.releaseOne(thread.reading);
    if (thread.random.once(10)) thread.mischief();
  };
  if (thread.place.library) addon.useCuda!(thread.place.library, 0);
  for (let call = 0; call < Number(calls); call++) thread.call(call);
  onNew = () => {};
  thread.end();
  console.log(JSON.stringify(thread.counts));
}

/** The addon, which makes its arrays with the constructor that it found when it was loaded: here one that runs more JavaScript. */
function loadedWith(onNew: () => void): Untyped {
  const Real = globalThis.Float32Array;
  globalThis.Float32Array = class extends Real {
    constructor(length: number) {
      super(length);
      onNew();
    }
  } as unknown as Float32ArrayConstructor;
  const addon = createRequire(import.meta.url)(addonPath) as Untyped;
  globalThis.Float32Array = Real;
  return addon;
}
