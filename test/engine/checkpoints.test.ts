// What resuming does with checkpoints that are damaged, foreign or gone, and with files that a power loss left incomplete.
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withSafetensors, writeSafetensors } from "../../src-main/models/safetensors";
import { exportWeights } from "../../src-main/models/weights";
import { listRuns, readRun } from "../../src-main/runs/reader";
import { forgetCheckpoint, trainInto } from "./experiment";
import {
  arms,
  changeBytes,
  expected,
  expectRefusal,
  expectSameEnd,
  latest,
  out,
  path,
  previous,
  recipe,
  resume,
  teacher,
  weightsIn,
} from "./stopped-comparison";

test("an undisturbed run goes on in the same bits, and says nothing", async () => {
  expect(await expectSameEnd()).toEqual([]);
});

describe("a checkpoint that belongs elsewhere is refused, and nothing is changed", () => {
  test("the control's in the student's folder", async () => {
    copyFileSync(latest(out, "control"), latest());
    await expectRefusal(
      /student\/checkpoint\/latest\.safetensors belongs to the control of the run "small" \(seed 3, identity [\w-]{36}\), and this folder holds the student of the run "small"/,
    );
  });

  test("that of another run, with another seed or the same", async () => {
    copyFileSync(latest(path("other")), latest());
    await expectRefusal(
      /belongs to the student of the run "small" \(seed 4, .*put this run's own checkpoint back, or move that file away to go on from the one before, .*previous\.safetensors/,
    );
    copyFileSync(latest(path("whole")), latest());
    await expectRefusal(/belongs to the student of the run "small" \(seed 3, .*this folder holds the student of the run "small" \(seed 3, /);
  });

  test("one that does not say to what it belongs, in a run whose checkpoints do", async () => {
    withSafetensors(latest(), (file) => {
      const tensors = [...file.header.tensors].map(([name, { shape }]) => {
        const values = file.values(name);
        return [name, { shape, size: values.length, toFloat32: () => values }] as const;
      });
      writeSafetensors(latest(), new Map(tensors), { position: file.header.metadata.position! });
    });
    await expectRefusal(/latest\.safetensors does not say which run it belongs to, and this folder holds the student/);
  });

  test("its own, exported in bf16 and put back", async () => {
    const exported = path("exported.safetensors");
    exportWeights({ weights: latest(), precision: "bf16", out: exported });
    for (const file of [latest(), previous()]) copyFileSync(exported, file);
    await expectRefusal(/latest\.safetensors cannot be continued from: tensor ".*" is BF16 and checkpoints are F32, so it was converted/);
  });

  test("deleted, the run goes on from the one before", async () => {
    copyFileSync(latest(out, "control"), latest());
    rmSync(latest());
    await expectSameEnd();
  });
});

describe("the advice helps, followed to the letter, where recipe.json was edited", () => {
  const recipeFile = join(out, "student", "recipe.json");
  const edit = () => writeFileSync(recipeFile, readFileSync(recipeFile, "utf8").replace('"epochs": 3', '"epochs": 4'));

  test("beside its own checkpoints", async () => {
    edit();
    await expectRefusal(
      /belongs to a run with another train\.epochs, .*: if \S+student\/recipe\.json was changed, delete it: resuming restores it, otherwise put .* back$/,
    );
    rmSync(recipeFile);
    await expectSameEnd();
  });

  test("beside a damaged checkpoint", async () => {
    edit();
    truncateSync(latest(), 100_000);
    await expectRefusal(
      /previous\.safetensors belongs to a run with another train\.epochs, .*recipe\.json was changed, delete it: resuming restores it, otherwise put .* back$/,
    );
    rmSync(recipeFile);
    await expectSameEnd();
  });

  test("beside a foreign checkpoint", async () => {
    edit();
    copyFileSync(latest(path("other")), latest());
    await expectRefusal(
      /back, or move that file away and delete recipe\.json, which was changed and which resuming restores, to go on from the one before, .*previous/,
    );
    rmSync(latest());
    rmSync(recipeFile);
    await expectSameEnd();
  });

  test("and is not given where the checkpoint before is foreign too", async () => {
    for (const file of [latest(), previous()]) copyFileSync(latest(path("other")), file);
    await expectRefusal(/put this run's own checkpoint back$/);
  });
});

test.each([
  ["recipe.json", /recipe\.json is a folder or a device, where the run has a file: move it away and resume again$/],
  ["batches.csv", /batches\.csv is a folder/],
  ["student.safetensors", /student\.safetensors is a folder/],
])("a folder in place of %s is named before anything is changed, and out of the way, the run goes on", async (name, message) => {
  const file = join(out, "student", name);
  if (existsSync(file)) renameSync(file, path("kept"));
  mkdirSync(file);
  await expectRefusal(message);
  rmSync(file, { recursive: true });
  if (existsSync(path("kept"))) renameSync(path("kept"), file);
  await expectSameEnd();
});

describe("a damaged newest checkpoint", () => {
  test.each<[string, (file: string) => void]>([
    ["with a flipped bit", (file) => changeBytes(file, (bytes) => (bytes[bytes.length - 5000]! ^= 16))],
    ["with a flipped bit of what it says of the run", (file) => changeBytes(file, (bytes) => (bytes[bytes.indexOf("initialWeights") + 20]! ^= 1))],
    ["with a block of zeros", (file) => changeBytes(file, (bytes) => bytes.fill(0, 40_960, 45_056))],
    ["that was cut", (file) => truncateSync(file, 100_000)],
    ["that is empty", (file) => truncateSync(file, 0)],
    [
      "that became a folder",
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  ])("%s is set aside, and said, and the one before is used", async (_, damage) => {
    damage(latest());
    const said = await expectSameEnd();
    expect(said).toEqual([
      expect.stringMatching(
        /^student: the last checkpoint cannot be used, so the run continues from the one before\. .*It was kept as .*student\/checkpoint\/damaged\.safetensors$/,
      ),
    ]);
    expect(readdirSync(join(out, "student/checkpoint")).sort()).toEqual(["damaged.safetensors", "latest.safetensors"]);
  });

  test("and a second one keep both", async () => {
    for (const file of ["damaged.safetensors", "damaged-2.safetensors"]) {
      truncateSync(latest(), 100_000);
      // Up to the checkpoint after the next epoch, not to the end.
      await trainInto(out, recipe, { resume: true, stopAfter: 7 });
      expect(readdirSync(join(out, "student/checkpoint"))).toContain(file);
    }
    await expectSameEnd();
  });

  test("never takes the place of the good one: a second fault at the next checkpoint loses nothing", async () => {
    changeBytes(latest(), (bytes) => (bytes[bytes.length - 5000]! ^= 16));
    // A full disk, as far as the next checkpoint of this arm can tell.
    mkdirSync(join(out, "student/checkpoint/latest.safetensors.partial"));
    const { code, failure } = await resume();
    expect([code, failure]).toEqual(["INPUT", expect.stringContaining("latest.safetensors cannot be written")]);
    rmSync(join(out, "student/checkpoint/latest.safetensors.partial"), { recursive: true });
    await expectSameEnd();
  });

  test("with none before it: the run says that it cannot go on", async () => {
    truncateSync(latest(), 100_000);
    rmSync(previous());
    await expectRefusal(/no checkpoint in .* can be used, so the run cannot be resumed; start a new one in another folder/);
  });
});

describe("a process that died between the two renames of a checkpoint", () => {
  test("left the newest whole, under the name of an unfinished file", async () => {
    renameSync(latest(), `${latest()}.partial`);
    expect(await expectSameEnd()).toEqual([]);
  });

  test("before them left an unfinished file, which never counts", async () => {
    writeFileSync(`${latest()}.partial`, readFileSync(latest()).subarray(0, 50_000));
    expect(await expectSameEnd()).toEqual([]);
  });
});

describe("a checkpoint that is gone", () => {
  test("is reported before anything begins anew", async () => {
    rmSync(join(out, "student/checkpoint"), { recursive: true });
    await expectRefusal(
      /student\/checkpoint holds no checkpoint, though one was written at \d{4}-.*the 4 batches in .*batches\.csv cannot be continued\. Put the folder back/,
    );
  });

  test("with its whole arm is reported too, wherever the folder went", async () => {
    for (const [gone, left] of [arms, [...arms].reverse()] as const) {
      renameSync(join(out, gone), join(out, "elsewhere"));
      await expectRefusal(new RegExp(`${gone} holds no run, though the ${left} beside it has a checkpoint, .*put that folder back`));
      renameSync(join(out, "elsewhere"), join(out, gone));
    }
    await expectSameEnd();
  });

  test("was never written: the run begins anew, and says so", async () => {
    const early = path("early");
    await trainInto(early, recipe, { stopAfter: 1 });
    for (const arm of arms) forgetCheckpoint(join(early, arm));
    expect(await expectSameEnd(early)).toEqual(arms.map((arm) => `${arm}: the run ended before its first checkpoint, so it begins anew`));
  });
});

describe("what a power loss leaves is recovered, and said", () => {
  const zeros = "\0".repeat(300);
  test.each([
    ["zeros", zeros],
    ["zeros and a line break", `${zeros}\n`],
    ["half a line and zeros", `2,1,0.5${zeros}`],
    ["half a line", "2,1,0."],
  ])("%s at the end of files that grow", async (_, tail) => {
    for (const arm of arms) for (const file of ["batches.csv", "epochs.csv", "events.jsonl", "evidence.jsonl"]) appendFileSync(join(out, arm, file), tail);
    expect(readRun(join(out, "student"))).toMatchObject({ state: "stopped", epochsDone: 1, evidenceDamage: null });
    await expectSameEnd();
  });

  test("a cut line with a line break", async () => {
    appendFileSync(join(out, "student/batches.csv"), "2,9,0.5\n");
    appendFileSync(join(out, "student/events.jsonl"), '{"time":"2026\n');
    const said = await expectSameEnd();
    expect(said).toEqual([
      expect.stringMatching(/^student: .*batches\.csv was damaged, as by a power loss, and what cannot be read was removed: line \d+/),
      expect.stringMatching(/^student: .*events\.jsonl was damaged/),
    ]);
  });

  test.each([
    ["empty", "", /recipe\.json is empty, as after a power loss: resume the run, which restores it from its checkpoint$/],
    ["full of zeros", zeros, /recipe\.json is empty/],
    ["cut", '{"schema": 1,', /recipe\.json cannot be used: .*: resume the run, which restores it from its checkpoint$/],
    ["gone", null, /recipe\.json is missing: resume the run/],
  ])("a recipe.json that is %s", async (_, content, problem) => {
    if (content === null) rmSync(join(out, "student/recipe.json"));
    else writeFileSync(join(out, "student/recipe.json"), content);
    const damage = expect.stringMatching(problem);
    expect(readRun(join(out, "student"))).toMatchObject({ arm: "student", name: "small", damage });
    expect(
      listRuns(out)
        .map((run) => [run.arm, run.name, run.damage])
        .sort(),
    ).toEqual([
      ["control", "small", null],
      ["student", "small", damage],
    ]);
    expect(await expectSameEnd()).toEqual(["student: recipe.json could not be read, as after a power loss, and was restored from the checkpoint"]);
    expect(readRun(join(out, "student"))).toMatchObject({ arm: "student", state: "finished", teacherTestAcc: expect.any(Number) });
  });

  test("epochs.csv, from the checkpoint", async () => {
    rmSync(join(out, "student/epochs.csv"));
    expect(await expectSameEnd()).toEqual([expect.stringMatching(/student: .*epochs\.csv lacked 1 epochs: they were restored from the checkpoint/)]);
  });

  test("but damage before the checkpoint is refused", async () => {
    changeBytes(join(out, "student/batches.csv"), (bytes) => bytes.fill("x", bytes.indexOf("\n") + 1, bytes.indexOf("\n") + 3));
    await expectRefusal(/student\/batches\.csv is damaged before its last checkpoint: line 2/);
  });

  test("and lines that are gone are counted", async () => {
    writeFileSync(join(out, "student/batches.csv"), "");
    const { said, failure } = await resume();
    expect(failure).toBeNull();
    expect(said).toContainEqual(expect.stringMatching(/student: .*batches\.csv lacks 4 of 4 batches: the weights are not affected, but curves have a gap/));
    expect(weightsIn(out)).toEqual(expected);
  });
});

describe("a run folder that is moved", () => {
  test("goes on where it is, and holds no path of where it was", async () => {
    const moved = path("moved");
    rmSync(moved, { recursive: true, force: true });
    renameSync(out, moved);
    expect(await expectSameEnd(moved)).toEqual([]);
    const comparison = readFileSync(join(moved, "comparison.json"), "utf8");
    expect(JSON.parse(comparison)).toMatchObject({
      directory: ".",
      report: "report.html",
      control: { directory: "control" },
      student: { directory: "student" },
    });
    // The recipe names the teacher's file, which lies beside.
    for (const file of ["comparison.json", "report.html"]) expect(readFileSync(join(moved, file), "utf8").replaceAll(teacher, "")).not.toContain(path(""));
  });
});

describe("what is left of a start that never became a run", () => {
  test.each(["resumed", "started"])("is taken over when it is %s", async (how) => {
    const fresh = path(`fresh-${how}`);
    for (const arm of arms) {
      mkdirSync(join(fresh, arm), { recursive: true });
      writeFileSync(join(fresh, arm, "batches.csv"), "epoch,iter,loss,ce_loss,kd_loss,train_acc,lr,images_per_second\n");
      for (const file of ["events.jsonl", "evidence.jsonl"]) writeFileSync(join(fresh, arm, file), "");
      writeFileSync(join(fresh, arm, "recipe.json.partial"), "{");
    }
    const { said, failure } = await trainInto(fresh, recipe, { resume: how === "resumed" });
    expect(failure).toBeNull();
    expect(said.join()).toContain(how === "resumed" ? "held no run yet, only what is left of a start: it begins anew" : "");
    expect(weightsIn(fresh)).toEqual(expected);
    for (const arm of arms) expect(existsSync(join(fresh, arm, "recipe.json.partial"))).toBe(false);
  });

  test("is not a file with lines, nor anything else", async () => {
    const taken = path("taken");
    mkdirSync(join(taken, "control"), { recursive: true });
    writeFileSync(join(taken, "control/batches.csv"), "epoch,iter,loss\n1,1,0.5\n");
    expect(await trainInto(taken, recipe)).toMatchObject({ code: "INPUT", failure: expect.stringContaining("batches.csv already exists") });
    const other = path("photos");
    mkdirSync(other);
    writeFileSync(join(other, "cat.png"), "");
    expect(await resume(other)).toMatchObject({ code: "INPUT", failure: expect.stringMatching(/photos holds no run: .*got cat\.png/) });
  });
});
