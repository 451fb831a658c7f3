import type { NamedTeacher } from "../../src-main/contract/fitted-teacher";
import type { Bridge } from "../bridge";
import { type Engine, inWords, isInterruption } from "./engine.svelte";

/** Weights on the Hugging Face hub. Nobody is asked for any before the user has allowed it in the program's own dialog. */
export class HubWeights {
  /** Owner and name, or the address of a page, as typed. */
  typed = $state("");
  /** Of what is being downloaded, in bytes; null while nothing is. A total of 0 is not known yet. */
  progress: { name: string; received: number; total: number; secondsLeft: number | null } | null = $state.raw(null);
  problem: { stopped: boolean; message: string } | null = $state.raw(null);

  constructor(
    private readonly bridge: Bridge,
    private readonly engine: Engine,
  ) {}

  get busy(): boolean {
    return this.progress !== null;
  }

  /** Downloads what was typed, if the user allows it. Resolves to null if not, and if that failed or was stopped. */
  async fetch(): Promise<NamedTeacher | null> {
    if (this.busy) return null;
    this.problem = null;
    try {
      const weights = await this.bridge.allowHub(this.typed);
      if (weights === null) return null;
      const name = weights.replace(/^hf:/, "");
      this.progress = { name, received: 0, total: 0, secondsLeft: null };
      return await this.engine.call("weightsDownload", { weights }, (notice) => {
        if (notice.type !== "download") return;
        const { received, total, secondsLeft } = notice;
        this.progress = { name, received, total, secondsLeft };
      });
    } catch (error) {
      this.problem = { stopped: isInterruption(error), message: inWords(error) };
      return null;
    } finally {
      this.progress = null;
    }
  }

  /** What has arrived is kept for the next time. */
  async stop(): Promise<void> {
    if (this.busy) await this.engine.call("stopDownloads", {});
  }
}
