import type { RawSplit } from "./dataset";

export async function readImageFolder(
  _folder: string,
  _limits: { train: number | null; test: number | null },
  _options: { storeSize: number; onProgress?: (done: number, total: number) => void },
): Promise<{ classes: string[]; train: RawSplit; test: RawSplit }> {
  throw new Error("image folders are not read yet");
}
