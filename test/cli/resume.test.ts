import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Diverged, Held, InputError, Interrupted, PerhapsHeld } from "../../src-main/contract/failure";
import type { NoticeBody } from "../../src-main/contract/notices";
import { folderWithRecipe } from "./examples";
import { runWith } from "./fake-engine";

type Watch = (params: unknown, notify: (notice: NoticeBody) => void) => unknown;
const started: NoticeBody = { type: "started", arm: "single", directory: "/nowhere", batchesPerEpoch: 4, epochs: 5 };

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("Ctrl-C", () => {
  /** A training call that Ctrl-C reaches, as the engine would: stopped by `control`, answered with INTERRUPTED. */
  let hasBegun = true;
  beforeEach(() => {
    hasBegun = true;
  });
  async function interrupted(presses: number, ...args: string[]) {
    let press = () => {};
    let stop: (error: Error) => void;
    const stopped = new Promise<never>((_, reject) => {
      stop = reject;
    });
    const start = ({ out }: { out: string }) => {
      mkdirSync(out, { recursive: true });
      if (hasBegun) writeFileSync(join(out, "recipe.json"), "{}");
      return { run: "1", directory: out };
    };
    const watch: Watch = (_, notify) => {
      if (hasBegun) notify(started);
      for (let i = 0; i < presses; i++) press();
      return stopped;
    };
    const control = () => {
      if (presses === 1) stop(new Interrupted("stopped in epoch 1"));
      return { state: "stopping" };
    };
    return runWith({ start, watch, control }, ["train", "--recipe", "recipe.json", "--set", "name=my run", ...args], {
      cwd,
      during: ({ interrupt }) => {
        press = interrupt;
      },
    });
  }

  it("prints paths that were set as absolute ones, for another folder", async () => {
    const { err } = await interrupted(1, "--set", "data.path=moved", "--set", "data.unlabelled=null", "--resume", "--out", "a");
    expect(err).toContain(` --set data.path=${join(cwd, "moved")} --set data.unlabelled=null --resume --out ${join(cwd, "a")}\n`);
  });

  it("stops with a checkpoint, exit status 130 and the command that resumes", async () => {
    const { status, out, err, calls } = await interrupted(1);
    expect(calls.map(({ method }) => method)).toEqual(["start", "watch", "control"]);
    expect(status).toBe(130);
    expect(out).toBe("");
    const folder = join(cwd, "runs", "train-2026-11-24-120000");
    expect(err).toContain(`interrupted: stopped in epoch 1\nResume with: npx distill train --resume --out ${folder}\n`);
  });

  it("repeats what was set on resuming, which the run's recipe does not have", async () => {
    const { err } = await interrupted(1, "--resume", "--out", "a", "--set", "device=cpu");
    expect(err).toContain(`Resume with: npx distill train --recipe recipe.json --set 'name=my run' --set device=cpu --resume --out ${join(cwd, "a")}\n`);
  });

  it("before training began says that nothing was written", async () => {
    hasBegun = false;
    const { status, err } = await interrupted(1);
    expect([status, err]).toEqual([130, expect.stringContaining("interrupted: stopped before training began: nothing was written\n")]);
    expect(err).not.toContain("Resume with");
  });

  it("pressed twice before training began repeats the recipe, which the folder may not have", async () => {
    hasBegun = false;
    const { err } = await interrupted(2);
    const folder = join(cwd, "runs", "train-2026-11-24-120000");
    expect(err).toContain(`Resume with: npx distill train --recipe recipe.json --set 'name=my run' --resume --out ${folder}\n`);
  });

  it("gives the command to programs in JSON", async () => {
    const { out } = await interrupted(1, "--json", "--out", "a");
    expect(JSON.parse(out)).toMatchObject({ error: { code: "INTERRUPTED", resume: expect.stringContaining("--resume") } });
  });

  it("pressed twice ends immediately, even if the engine does not answer", async () => {
    const { status, err } = await interrupted(2);
    expect(status).toBe(130);
    expect(err).toContain("interrupted: stopped at once, without a new checkpoint\nResume with: npx distill train");
  });

  it("ends a call that cannot be stopped", async () => {
    let press = () => {};
    const dataDownload = () => {
      press();
      return new Promise(() => {});
    };
    const { status, err } = await runWith({ dataDownload }, ["data", "download", "cifar10", "there"], {
      cwd,
      during: ({ interrupt }) => {
        press = interrupt;
      },
    });
    expect(status).toBe(130);
    expect(err).toContain("interrupted: stopped; what has come is kept, and the same command goes on from there");
  });
});

describe("when the engine dies in a run", () => {
  it("says what happened and how to resume; details only with --debug", async () => {
    const dying = async (...args: string[]) => {
      let kill = () => {};
      const start = ({ out }: { out: string }) => {
        mkdirSync(out, { recursive: true });
        writeFileSync(join(out, "recipe.json"), "{}");
        return { run: "1", directory: out };
      };
      const watch = () => {
        kill();
        return new Promise(() => {});
      };
      return runWith({ start, watch }, ["train", "--recipe", "recipe.json", "--out", "a", ...args], {
        cwd,
        during: ({ die }) => {
          kill = () => die({ message: "the engine ended unexpectedly (signal SIGSEGV): a memory fault.", details: "its last words" });
        },
      });
    };
    const { status, err } = await dying();
    expect(status).toBe(1);
    expect(err).toContain("error: the engine ended unexpectedly (signal SIGSEGV): a memory fault.\nResume with: npx distill train --resume --out");
    expect(err).not.toContain("its last words");
    expect((await dying("--debug")).err).toContain("its last words");
  });
});

describe("when a run fails", () => {
  const FULL = new InputError("a/checkpoint/latest.safetensors cannot be written (ENOSPC: no space left on device)");

  async function failing(notices: readonly NoticeBody[], failure: Error = FULL) {
    const start = ({ out }: { out: string }) => {
      mkdirSync(out, { recursive: true });
      writeFileSync(join(out, "request.json"), "{}");
      return { run: "1", directory: out };
    };
    const watch: Watch = (_, notify) => {
      for (const notice of notices) notify(notice);
      throw failure;
    };
    return runWith({ start, watch }, ["compare", "--recipe", "recipe.json", "--seeds", "2", "--out", "a"], { cwd });
  }

  it("in training, as on a full disk, it names the command that resumes; the folder has recipe and seeds", async () => {
    const { status, err } = await failing([started]);
    expect([status, err]).toEqual([
      1,
      expect.stringContaining(`no space left on device)\nResume with: npx distill compare --resume --out ${join(cwd, "a")}\n`),
    ]);
  });

  it("because its loss diverged, it names none, as it would diverge again", async () => {
    const { err } = await failing([started], new Diverged("the loss became NaN: start anew in another folder with a lower train.learningRate (it is 10)"));
    expect(err).toMatch(/\nerror: the loss became NaN: start anew in another folder with a lower train\.learningRate \(it is 10\)\n$/);
  });

  it("before training has begun, it names none", async () => {
    expect((await failing([])).err).not.toContain("Resume with");
  });
});

it.each([
  [new PerhapsHeld("a may still be trained by process 5. If you know that it is gone, take the run over"), "take the run over with --take-over\n"],
  [new Held("a is being trained by process 5: stop it there, or watch it"), "or watch it with: npx distill runs watch /nowhere/a\n"],
])("says what to type where another process holds the run: %s", async (error, words) => {
  const start = () => Promise.reject(error);
  const args = ["--recipe", join(cwd, "recipe.json"), "--out", "a", "--resume"];
  const { status, err } = await runWith({ start }, ["train", ...args], { cwd: "/nowhere" });
  expect(status).toBe(1);
  expect(err).toContain(words);
});
