/** Moves runs to the bin, brings them back, and empties it. */
import type { Bench } from "./bench.svelte";
import { inWords } from "./engine.svelte";
import type { Message, Question } from "./message";
import type { Prediction } from "./prediction.svelte";
import type { RunGroup } from "./runs.svelte";
import type { Training } from "./training.svelte";
import { count } from "./words";

/** What is around it. */
interface Page {
  readonly bench: Bench;
  readonly training: Training;
  readonly prediction: Prediction;
  message: Message | null;
  question: Question | null;
  reporting(work: () => Promise<unknown>): Promise<void>;
}

export class Bin {
  constructor(private readonly page: Page) {}

  /** Moves a run to the bin, from where one click brings it back. */
  take(run: Pick<RunGroup, "directory" | "name">): Promise<void> {
    return this.takeAll([run]);
  }

  /** The same with several, one after the other; where one cannot be moved, those before it are there, and can be brought back. */
  takeAll(runs: readonly Pick<RunGroup, "directory" | "name">[]): Promise<void> {
    return this.page.reporting(async () => {
      const undos: (() => Promise<void>)[] = [];
      const moved = () => (undos.length === 1 ? runs[0]!.name : `${count(undos.length)} runs`);
      const say = (problem: string | null) => {
        const are = undos.length === 1 ? "is" : "are";
        const it = undos.length === 1 ? "it takes" : "they take";
        const act = () =>
          this.page.reporting(async () => {
            for (const undo of undos) await undo();
            this.page.message = { kind: "done", text: `${moved()} ${are} back.` };
          });
        this.page.message = {
          kind: problem === null ? "done" : "problem",
          text: `${problem === null ? "" : `${problem}\n`}${moved()} ${are} in the bin, ${this.page.bench.binDirectory}, where ${it} as much room on the disk as before.`,
          action: { label: "Undo", run: act },
        };
      };
      try {
        for (const { directory } of runs) {
          undos.push(await this.page.bench.delete(directory));
          this.page.training.forget(directory);
          if (this.page.prediction.run === directory) await this.page.prediction.useBundledTeacher();
        }
        say(null);
      } catch (error) {
        if (undos.length === 0) throw error;
        say(inWords(error));
      }
    });
  }

  /** From the bin. What offered to undo its deletion goes with it. */
  restore({ directory, name }: Pick<RunGroup, "directory" | "name">): Promise<void> {
    return this.page.reporting(async () => {
      await this.page.bench.restore(directory);
      this.page.message = { kind: "done", text: `${name} is back.` };
    });
  }

  askToEmpty(): void {
    const runs = this.page.bench.binned?.length ?? 0;
    this.page.question = {
      title: `Delete ${runs === 1 ? "the run" : `the ${count(runs)} runs`} in the bin for good?`,
      text: `Curves, checkpoints, weights and reports of what is in the bin are deleted. This cannot be undone.\n${this.page.bench.binDirectory}`,
      verb: "Delete for good",
      act: async () => {
        const kept = await this.page.bench.emptyBin();
        const stays = `${count(kept.length)} ${kept.length === 1 ? "file that is not the program's stays" : "files that are not the program's stay"} in it: ${kept.join(", ")}`;
        this.page.message = { kind: "done", text: kept.length === 0 ? "The bin is empty." : `The runs in the bin are deleted. ${stays}` };
      },
    };
  }
}
