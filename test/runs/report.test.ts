import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { ResolvedRecipe } from "../../src-main/contract/recipe";
import type { RunHashes } from "../../src-main/contract/run";
import { runFiles } from "../../src-main/runs/files";
import { useBackend } from "../../src-main/tensor/tensor";
import { linkOf } from "../../src-main/training/evidence";
import { batch, begun, finishedRun, start, train } from "./example-run";
import { writeLongRun } from "./long-run";
import { textOf } from "./page-text";
import { controlRecipe, reportOn } from "./report-on";

useBackend(loadAddon());

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "distill-report-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

const report = (format: "html" | "csv" | "json", ...runs: string[]) => reportOn(parent, format, ...runs);

interface Comparison {
  name?: string;
  hashes?: Partial<RunHashes>;
  /** Of the control; default: the student's. */
  learningRate?: number;
  train?: Partial<ResolvedRecipe["train"]>;
  epochs?: { control: number; student: number };
}

function comparison({
  name = start.recipe.name,
  hashes = {},
  learningRate = start.recipe.train.learningRate,
  train = {},
  epochs = { control: 3, student: 3 },
}: Comparison = {}) {
  const directory = join(parent, "comparison");
  const control = { ...controlRecipe, name, train: { ...start.recipe.train, learningRate, ...train } };
  finishedRun(join(directory, "control"), { arm: "control", recipe: control }, epochs.control);
  finishedRun(join(directory, "student"), { arm: "student", recipe: { ...start.recipe, name }, hashes: { ...start.hashes, ...hashes } }, epochs.student);
  return directory;
}

/** The content of the first figure whose caption begins with the given text. */
const figure = (html: string, title: string) => html.split("<figure").find((part) => part.includes(`<figcaption>${title}<`))!;
const count = (text: string, part: string | RegExp) => text.split(part).length - 1;

describe("the page of a comparison", () => {
  test("states the result: accuracies of all three networks, and the difference", () => {
    const text = textOf(report("html", comparison()));
    expect(text).toContain("With and without the teacher, the student classifies 53.0 % of the test images correctly.");
    expect(text).toMatch(/Teacher resnet20_cifar10 90\.0 %/);
    expect(text).toMatch(/Control 53\.0 % 23\.1 % 0\.333 3 of 12 8 s/);
    expect(text).toMatch(/Student 53\.0 % 23\.1 % 0\.333 3 of 12 8 s/);
    expect(text).toMatch(/Difference \+0\.0 points \+0\.0 points/);
  });

  test("says in words what the difference is", () => {
    const directory = comparison();
    const { epochs } = runFiles(join(directory, "control"));
    writeFileSync(epochs, readFileSync(epochs, "utf8").replace("0.53,", "0.51,"));
    expect(textOf(report("html", directory))).toContain("classifies 53.0 % of the test images correctly: 2.0 points more than the control");
  });

  test("gives no difference between unequal epochs", () => {
    const text = textOf(report("html", comparison({ epochs: { control: 1, student: 3 } })));
    expect(text).not.toMatch(/Difference|more than the control/);
    expect(text).toContain("Identical batches, verified up to batch 4");
    expect(text).not.toContain("A fair comparison");
  });

  test("draws both arms by batch with a dashed line at each epoch, the first epoch alone, and test accuracy with the teacher's", () => {
    const html = report("html", comparison());
    for (const title of ["Loss", "Train accuracy"]) {
      expect(count(figure(html, title), 'class="line control"'), title).toBe(1);
      expect(count(figure(html, title), 'class="line student"'), title).toBe(1);
      expect(count(figure(html, title), 'class="epoch"'), title).toBe(2);
      expect(count(figure(html, `${title}, first epoch`), 'class="epoch"'), title).toBe(0);
    }
    const points = (path: string) => count(path, /[ML]/);
    const line = (title: string) => /class="line student" d="([^"]+)"/.exec(figure(html, title))![1]!;
    expect([points(line("Train accuracy")), points(line("Train accuracy, first epoch"))]).toEqual([12, 4]);
    expect(count(figure(html, "Test accuracy"), 'class="dot student"')).toBe(3);
    expect(textOf(figure(html, "Test accuracy"))).toContain("Teacher 90%");
  });

  test("proves that the arms started from equal weights and saw the same batches", () => {
    const text = textOf(report("html", comparison()));
    expect(text).toContain("A fair comparison");
    expect(text).toMatch(/Initial weights ✓ both began with the same weights w0/);
    expect(text).toMatch(/Batches ✓ the same pixels and labels, proven up to batch 12 [0-9a-f]{16}/);
    expect(text).toMatch(/Settings ✓ the same in everything but the teacher/);
  });

  test.each([
    ["data", { data: "d1" }, /Data ✗ different images or labels d0 d1/],
    ["first weights", { initialWeights: "w1" }, /Initial weights ✗ they began with different weights w0 w1/],
  ])("says so when the %s differ", (_, hashes, row) => {
    const text = textOf(report("html", comparison({ hashes })));
    expect(text).toContain("Not a controlled comparison");
    expect(text).toMatch(row);
  });

  test("names the first batch that differs", () => {
    const directory = comparison();
    const { evidence } = runFiles(join(directory, "student"));
    const shown = readFileSync(evidence, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    let chain = "";
    for (const line of shown) {
      if (line.batch >= 5) line.pixels = "others";
      chain = linkOf(chain, line);
      line.chain = chain;
    }
    writeFileSync(evidence, shown.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const text = textOf(report("html", directory));
    expect(text).toContain("Not a controlled comparison");
    expect(text).toMatch(/Batches ✗ different pixels or labels from batch 5 on/);
  });

  const evidence = (directory: string) => join(directory, "student", "evidence.jsonl");
  const lines = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");

  test.each<[what: string, damage: (path: string) => void, words: RegExp]>([
    [
      "pixels",
      (path) => writeFileSync(path, readFileSync(path, "utf8").replace('"pixels":"pixels"', '"pixels":"others"')),
      /line 1 of evidence.jsonl does not follow/,
    ],
    [
      "a link",
      (path) => writeFileSync(path, readFileSync(path, "utf8").replace(/("batch":3,"chain":")..../, "$10000")),
      /line 3 of evidence.jsonl does not follow/,
    ],
    [
      "a missing line",
      (path) =>
        writeFileSync(
          path,
          `${lines(path)
            .filter((_, i) => i !== 2)
            .join("\n")}\n`,
        ),
      /line 3 of evidence.jsonl is of batch 4, expected 3/,
    ],
    ["missing last lines", (path) => writeFileSync(path, `${lines(path).slice(0, -2).join("\n")}\n`), /evidence.jsonl has 10 batches and batches.csv 12/],
    [
      "a line that is not its own",
      (path) => writeFileSync(path, `${lines(path).fill("<html>", 4, 5).join("\n")}\n`),
      /evidence.jsonl was changed: line 5 is not of this file/,
    ],
    ["a missing file", (path) => rmSync(path), /evidence.jsonl has 0 batches and batches.csv 12/],
    ["no batches beside it", (path) => rmSync(join(dirname(path), "batches.csv")), /evidence.jsonl has 12 batches and batches.csv 0/],
    [
      "another run's, to which the last checkpoint does not belong",
      (path) => {
        const header = join(dirname(path), "recipe.json");
        writeFileSync(header, readFileSync(header, "utf8").replace('"batches": ""', '"batches": "of another run"'));
      },
      /does not hold the batch of the last checkpoint/,
    ],
  ])("does not call proven what evidence was changed or lost: %s", (_, damage, words) => {
    const directory = comparison();
    damage(evidence(directory));
    const text = textOf(report("html", directory));
    expect(text).toContain("Evidence is damaged");
    expect(text).toContain("Not proven: the evidence is damaged, so the difference may not be the teacher’s.");
    expect(text).toMatch(words);
    expect(text).not.toMatch(/A fair comparison|old kind|earlier version/);
  });

  test("says that a control with settings of its own was tuned separately, and in what", () => {
    const text = textOf(report("html", comparison({ learningRate: 0.0123 })));
    expect(text).toContain("Tuned separately");
    expect(text).toMatch(/Settings ✗ tuned separately: the arms differ in train\.learningRate/);
    expect(text).not.toContain("A fair comparison");
  });

  test.each<[what: Partial<ResolvedRecipe["train"]>, words: string]>([
    [{ seed: 4 }, "another seed (4 for the control, 0 for the student)"],
    [{ epochs: 11 }, "another number of epochs (11 for the control, 12 for the student)"],
    [{ batchSize: 32 }, "another batch size (32 for the control, 64 for the student)"],
    [{ shuffle: false }, "another order of the images (false for the control, true for the student)"],
    [{ bf16Products: "bf16" }, "another way of multiplying bf16 numbers (bf16 for the control, auto for the student)"],
    [{ seed: 4, learningRate: 0.5 }, "another seed (4 for the control, 0 for the student)"],
  ])("does not call a control of another experiment tuned: %o", (train, words) => {
    const text = textOf(report("html", comparison({ train })));
    expect(text).toContain(`Not comparable: ${words}`);
    expect(text).toContain(`Settings ✗ not comparable: ${words}`);
    expect(text).not.toMatch(/tuned separately|settings of its own|A fair comparison|(more|fewer) than the control/i);
  });

  test.each([[{}], [{ learningRate: 0.5 }]])("claims nothing of arms that have no batch in common: %o", (more) => {
    const text = textOf(report("html", comparison({ ...more, epochs: { control: 1, student: 0 } })));
    expect(text).toContain("nothing is proven");
    expect(text).not.toMatch(/batch 0|✓ the same pixels|fair comparison/i);
  });

  test("marks in the recipe what the arms do differently, and that alone", () => {
    const html = report("html", comparison({ learningRate: 0.0123 }));
    const marked = [...html.matchAll(/<tr class="differs"><th scope="row">.*?<code>(.*?)<\/code>/g)].map(([, key]) => key);
    expect(marked).toEqual([
      "train.learningRate",
      "teacher.model",
      "teacher.weights",
      "teacher.imageSize",
      "distillation.labels",
      "distillation.terms.0.kind",
      "distillation.terms.0.weight",
      "distillation.terms.0.block",
      "distillation.cacheTeacher",
    ]);
    expect(textOf(html)).toMatch(/train\.learningRate 0\.0123 0\.001/);
  });

  test("needs no network and runs no script", () => {
    const html = report("html", comparison());
    expect(html).not.toMatch(/\b(src|href)=|url\(|@import|https?:/);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect([...html.matchAll(/<script[^>]*>/g)].map(([tag]) => tag)).toEqual(['<script type="application/json" id="runs">']);
    expect(html).toContain("prefers-color-scheme: dark");
  });

  test("holds the data for programs", () => {
    const directory = comparison();
    const runs = JSON.parse(/<script type="application\/json" id="runs">(.*)<\/script>/.exec(report("html", directory))![1]!);
    expect(runs.map(({ arm }: { arm: string }) => arm)).toEqual(["control", "student"]);
    expect(runs[1].batchesCsv).toBe(readFileSync(join(directory, "student", "batches.csv"), "utf8"));
    expect(runs[1].hashes).toEqual(start.hashes);
  });

  test("of a long run leaves out the figures of each batch, and says so", () => {
    const directory = join(parent, "long");
    for (const [arm, batches] of [
      ["control", 20_000],
      ["student", 20_001],
    ] as const)
      writeLongRun(join(directory, arm), arm, batches, 400);
    const html = report("html", directory);
    const runs = JSON.parse(/<script type="application\/json" id="runs">(.*)<\/script>/.exec(html)![1]!);
    expect(runs.map(({ batchesCsv }: { batchesCsv: string | null }) => batchesCsv?.trim().split("\n").length ?? null)).toEqual([20_001, null]);
    expect(textOf(html)).toContain("This page has the curves of all 20,001 batches, but not the figures of each one.");
    expect(textOf(report("html", comparison()))).not.toContain("but not the figures of each one");
  });

  test("shows names as text, whatever is in them", () => {
    const name = `</script><script>alert("1")</script><img src=x onerror='alert(2)'> & co`;
    const html = report("html", comparison({ name }));
    expect(html).not.toMatch(/<img|<script>|<\/script><script>/);
    expect(textOf(html)).toContain(name);
  });
});

describe("the page of other runs", () => {
  test("says how far an unfinished run has got", () => {
    const run = begun(join(parent, "run"));
    train(run, 2);
    run.event("stopped");
    run.close();
    const text = textOf(report("html", join(parent, "run")));
    expect(text).toContain("Not finished: the run was stopped after 2 of 12 epochs.");
    expect(text).not.toContain("fair comparison");
  });

  test("can be written before there is anything to draw", () => {
    begun(join(parent, "run")).close();
    expect(textOf(report("html", join(parent, "run")))).toContain("No values yet.");
  });

  test("draws losses that are not numbers as gaps", () => {
    const run = begun(join(parent, "run"));
    run.appendBatches([1, 2, 3, 4, 5].map((iter) => ({ ...batch(1, iter), ...(iter === 3 && { loss: Number.NaN }) })));
    run.close();
    const [, path] = /class="line student" d="([^"]+)"/.exec(figure(report("html", join(parent, "run")), "Loss"))!;
    expect(path).toMatch(/^M[\d. ]+L[\d. ]+M[\d. ]+L[\d. ]+$/);
  });

  test("stays small and keeps the peaks of a long run", () => {
    const run = begun(join(parent, "run"));
    run.appendBatches(Array.from({ length: 200_000 }, (_, i) => ({ ...batch(1, i + 1), trainAcc: i === 77_777 ? 1 : 0.5 })));
    run.close();
    const [, path] = /class="line student" d="([^"]+)"/.exec(figure(report("html", join(parent, "run")), "Train accuracy"))!;
    expect(path!.length).toBeLessThan(30_000);
    const heights = path!
      .split(/[ML]/)
      .slice(1)
      .map((point) => Number(point.split(" ")[1]));
    expect(new Set(heights).size).toBe(2);
  });

  test("puts several comparisons and runs on one page", () => {
    comparison();
    finishedRun(join(parent, "alone"));
    const html = report("html", parent);
    expect(count(html, "<section>")).toBe(2);
    expect(count(html, "A fair comparison")).toBe(1);
    expect(html).toContain("<title>demo, 2 comparisons and runs –");
    expect(html).not.toContain("Not compared");
  });

  test("says why a control and a student from two comparisons are not compared", () => {
    const control = finishedRun(join(parent, "a", "control"), { arm: "control", recipe: controlRecipe });
    const student = finishedRun(join(parent, "b", "student"), { arm: "student" });
    const text = textOf(report("html", control, student));
    expect(text).toContain(
      `Not compared: ${join("a", "control")}, ${join("b", "student")}. A control and a student are compared if they lie side by side in the folder of one comparison`,
    );
    expect(report("html", control, student)).toContain("<title>demo, 2 runs –");
    expect(report("html", control)).not.toContain("Not compared");
  });
});

describe("what a report tells of the computer", () => {
  const withPaths = () => {
    const directory = comparison();
    const weights = join(parent, "weights of ada", "teacher.safetensors");
    const data = join(parent, "photos of ada");
    for (const arm of ["control", "student"]) {
      const { recipe, events } = runFiles(join(directory, arm));
      const header = JSON.parse(readFileSync(recipe, "utf8"));
      header.recipe.data.path = data;
      if (header.recipe.teacher) header.recipe.teacher.weights = weights;
      writeFileSync(recipe, JSON.stringify(header));
      rmSync(runFiles(join(directory, arm)).checkpoint, { recursive: true, force: true });
      appendFileSync(
        events,
        `${JSON.stringify({ time: "2026-11-29T00:00:00Z", type: "warning", text: `${join(data, "cat", "1.jpg")} is left out; see ${homedir()}/x` })}\n`,
      );
    }
    return directory;
  };

  test.each(["html", "csv", "json"] as const)("%s does not say where on it anything lies, but what it is called", (format) => {
    const text = report(format, withPaths());
    expect(text).not.toContain(parent);
    expect(text).not.toContain(homedir());
    expect(text).toContain("comparison");
    if (format === "csv") return;
    expect(text).toMatch(/photos of ada\/cat\/1\.jpg is left out; see ~\/x/);
    expect(text).toContain('"weights":"teacher.safetensors"'.replace(/:/, format === "json" ? ": " : ":"));
  });

  test("folders of one name are told apart by those that they lie in", () => {
    const folders = ["a", "b"].map((name) => finishedRun(join(parent, name, "run"), { arm: "single", recipe: { ...controlRecipe, name } }));
    expect(JSON.parse(report("json", ...folders)).runs.map((run: { directory: string }) => run.directory)).toEqual([join("a", "run"), join("b", "run")]);
  });

  test("names version and processor by which each arm was trained", () => {
    expect(textOf(report("html", comparison()))).toMatch(/Trained by Distill Studio \d+\.\d+\.\d+ on .+, \w+ \w+/);
  });
});

describe("a report for other programs", () => {
  test("csv has a line per run and epoch", () => {
    const lines = report("csv", comparison({ name: 'a "b", c', epochs: { control: 1, student: 3 } }))
      .trimEnd()
      .split("\n");
    expect(lines[0]).toBe(
      "folder,name,arm,seed,epoch,train_loss,train_acc,test_acc,test_loss,seconds,val_acc,val_loss,ema_acc,ema_loss,teacher_test_acc,precision",
    );
    expect(lines.slice(1)).toEqual([
      'comparison,"a ""b"", c",control,0,1,1,0.07692307692307693,0.51,0.3333333333333333,2.5,,,,,0.9,fp32',
      'comparison,"a ""b"", c",student,0,1,1,0.07692307692307693,0.51,0.3333333333333333,2.5,,,,,0.9,fp32',
      'comparison,"a ""b"", c",student,0,2,0.5,0.15384615384615385,0.52,0.3333333333333333,2.5,,,,,0.9,fp32',
      'comparison,"a ""b"", c",student,0,3,0.3333333333333333,0.23076923076923078,0.53,0.3333333333333333,2.5,,,,,0.9,fp32',
    ]);
  });

  test.each([
    ['=HYPERLINK("http://x")', '"\'=HYPERLINK(""http://x"")"'],
    ["+1", "'+1"],
    ["-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "\\t=1"],
    ["\r=1", "\\r=1"],
    [" =1", " '=1"],
    ["\uff1d1", "'\uff1d1"],
    ["a;=1", "a;'=1"],
    ['a,"=1', '"a,""\'=1"'],
    ["plain-name = 1", "plain-name = 1"],
  ])("csv holds the name %j as text, not as a formula", (name, cell) => {
    finishedRun(join(parent, "run"), { recipe: { ...start.recipe, name } }, 1);
    expect(report("csv", join(parent, "run")).split("\n")[1]).toMatch(new RegExp(`^run,${escapedForPattern(cell)},single,`));
  });

  const escapedForPattern = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

  test("html executes nothing that a name or a class holds, and hides nothing", () => {
    const evil = `</script><img src=x onerror="alert(1)">' \u202ekcab \x1b[2J\n`;
    finishedRun(join(parent, "run"), { recipe: { ...start.recipe, name: evil, student: { ...start.recipe.student, weights: evil } }, classes: [evil, "b"] }, 1);
    const html = report("html", join(parent, "run"));
    for (const hidden of ["<img", "\u202e", "\u001b"]) expect(html).not.toContain(hidden);
    expect(html.match(/<\/?script/g)).toEqual(["<script", "</script"]);
    expect(textOf(html)).toContain(`</script><img src=x onerror="alert(1)">' \\u202ekcab \\u001b[2J\\n`);
  });

  test("csv names the folder of a single run", () => {
    finishedRun(join(parent, "first"));
    finishedRun(join(parent, "second"));
    const folders = report("csv", parent)
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(",")[0]);
    expect(new Set(folders)).toEqual(new Set(["first", "second"]));
  });

  test("json has everything", () => {
    const { runs } = JSON.parse(report("json", comparison()));
    expect(runs).toHaveLength(2);
    expect(runs[0]).toMatchObject({ arm: "control", state: "finished", testAcc: 0.53, hashes: start.hashes, recipe: controlRecipe });
    expect(runs[1].batches).toHaveLength(12);
  });
});

test("a folder without runs is named", () => {
  mkdirSync(join(parent, "empty"));
  expect(() => report("html", join(parent, "empty"))).toThrow(/empty holds no run/);
});
