/** Weights that a call names on the Hugging Face hub, as files. Nothing is asked of the hub unless a path begins with hf:. */

import { isHubPath } from "../contract/hub-path";
import type { NoticeBody } from "../contract/notices";
import { fetchWeights } from "../hub/fetch-weights";

const TOLD_EVERY_MS = 500;

/** Downloads what is not in the cache, and says where each comes from. Returns the path of each file; other paths stay as they are. */
export async function fetchNamed(
  paths: readonly (string | null)[],
  notify: (notice: NoticeBody) => void,
  signal?: AbortSignal,
): Promise<{ (path: string): string; notes: readonly string[] }> {
  const files = new Map<string, string>();
  const notes: string[] = [];
  for (const hubPath of new Set(paths.filter((path): path is string => path !== null && isHubPath(path)))) {
    const { path, note } = await fetchWeights(hubPath, { signal, onProgress: progressOf(hubPath, notify), onRetry: (text) => notify({ type: "phase", text }) });
    files.set(hubPath, path);
    notes.push(note);
  }
  return Object.assign((path: string) => files.get(path) ?? path, { notes });
}

function progressOf(hubPath: string, notify: (notice: NoticeBody) => void) {
  let told = 0;
  return ({ received, total }: { received: number; total: number | null }) => {
    if (performance.now() - told < TOLD_EVERY_MS) return;
    told = performance.now();
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
    notify({ type: "phase", text: `Downloading ${hubPath}: ${megabytes(received)} ${total === null ? "" : `of ${megabytes(total)} `}MB` });
  };
}
