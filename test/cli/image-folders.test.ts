import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { distill, type Finished } from "./distill";

let cwd: string;
const at = (...names: string[]) => path.join(cwd, ...names);
const network = ["--model", "vit_micro_patch4_32", "--weights", "run/student.safetensors"];
let trained: Finished;

async function picture(grey: number, format: "png" | "gif" | "jpeg" = "png"): Promise<Buffer> {
  const image = sharp({ create: { width: 32, height: 32, channels: 3, background: { r: grey, g: grey, b: 255 - grey } } });
  return image.toFormat(format).toBuffer();
}

/** Class folders with as many pictures each, all different. */
async function fill(folder: string, classes: readonly string[], count: number, from = 0): Promise<void> {
  for (const [label, name] of classes.entries()) {
    mkdirSync(at(folder, name), { recursive: true });
    for (let n = 0; n < count; n++) writeFileSync(at(folder, name, `${n}.png`), await picture(from + 90 * label + n));
  }
}

/** Three classes; beside the pictures in them everything that may lie there. */
beforeAll(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-folders-"));
  await fill("photos/train", ["cat", "dog", "emu"], 3);
  await fill("photos/test", ["cat", "dog", "emu"], 2, 5);
  mkdirSync(at("photos/train/cat/session2"));
  writeFileSync(at("photos/train/cat/session2/a.gif"), await picture(20, "gif"));
  writeFileSync(Buffer.concat([Buffer.from(at("photos/train/cat/caf")), Buffer.from([0xe9]), Buffer.from(".png")]), await picture(30));
  writeFileSync(at("photos/train/cat/b.ppm"), "P6 1 1 255 abc");
  writeFileSync(at("photos/train/cat/labels.txt"), "1");
  writeFileSync(at("photos/train/loose.png"), await picture(40));
  symlinkSync("/nonexistent/a.png", at("photos/train/dog/gone.png"));
  mkdirSync(at("photos/train/__MACOSX"));
  writeFileSync(at("recipe.json"), JSON.stringify({ data: { path: "photos" }, student: { model: "vit_micro_patch4_32" }, train: { epochs: 1, batchSize: 4 } }));
  trained = await distill(["train", "--recipe", "recipe.json", "--out", "run"], cwd);
}, 60_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const LEFT_OUT =
  "17 of 21 files are taken; left out: 1 file that holds no image (train/cat/labels.txt); 1 picture that lies in no class folder (train/loose.png); 1 picture in a format that is not read (train/cat/b.ppm: a portable pixmap); 1 link that leads nowhere (train/dog/gone.png)";

describe("a run that would be written among its own images", () => {
  it.each([
    ["photos", "is"],
    ["photos/runs/a", "is inside"],
    ["linked/runs/a", "is inside"],
  ])("is refused before anything is written: --out %s", async (out, where) => {
    symlinkSync(at("photos"), at("linked"));
    const before = readdirSync(at("photos"), { recursive: true });
    const refused = await distill(["train", "--recipe", "recipe.json", "--out", out], cwd);
    rmSync(at("linked"));
    expect(refused.status).toBe(1);
    expect(refused.err).toContain(
      `${at(out)} ${where} the folder of images ${at("photos")}, and what is written there would be taken for data: choose another`,
    );
    expect(readdirSync(at("photos"), { recursive: true })).toEqual(before);
  });

  it("is refused among images without labels too", async () => {
    mkdirSync(at("more"));
    writeFileSync(at("more/1.png"), await picture(200));
    const taught = ["data.unlabelled=more", "teacher.model=vit_micro_patch4_32", "teacher.weights=run/student.safetensors", "distillation.temperature=2"];
    const settings = [...taught, "distillation.alpha=0.5"].flatMap((each) => ["--set", each]);
    const refused = await distill(["compare", "--recipe", "recipe.json", ...settings, "--out", "more/run"], cwd);
    expect(refused.err).toContain(`${at("more/run")} is inside the folder of images ${at("more")}`);
    expect(readdirSync(at("more"))).toEqual(["1.png"]);
  });
});

describe.skipIf(process.platform !== "linux")("a folder with more than pictures in its classes", () => {
  it("is trained on, and what is left out is told, recorded and listed", () => {
    expect([trained.status, trained.err]).toEqual([0, expect.stringContaining(`warning: ${LEFT_OUT}`)]);
    const events = readFileSync(at("run/events.jsonl"), "utf8").trim().split("\n");
    expect(events.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining({ type: "warning", text: LEFT_OUT }));
    expect(readFileSync(at("run/left-out.csv"), "utf8").split("\n").sort()).toEqual([
      "",
      "path,reason",
      "train/cat/b.ppm,picture in a format that is not read: a portable pixmap",
      "train/cat/labels.txt,file that holds no image",
      "train/dog/gone.png,link that leads nowhere",
      "train/loose.png,picture that lies in no class folder",
    ]);
    expect(trained.err).toContain("warning: 6 test images cannot show any difference with one seed");
  });

  it("is named where a folder around it is given", async () => {
    mkdirSync(at("around/images"), { recursive: true });
    symlinkSync(at("photos/train"), at("around/images/train"));
    symlinkSync(at("photos/test"), at("around/images/test"));
    const { status, err } = await distill(["data", "info", "around"], cwd);
    expect([status, err]).toEqual([1, expect.stringMatching(/around holds no images in a known layout, but .*around\/images does: name that one/)]);
  });

  it("is described with the same words", async () => {
    const { out, status } = await distill(["data", "info", "photos"], cwd);
    expect([status, out]).toEqual([0, expect.stringContaining(`warning: ${LEFT_OUT}`)]);
    expect(out).toMatch(/cat +5 +2\n/);
    expect(out).toContain("train/dog/gone.png: link that leads nowhere");
  });
});

describe("evaluate", () => {
  it("takes test alone, with fewer classes, by name", async () => {
    await fill("few/test", ["emu", "cat"], 2, 7);
    const { status, out, err } = await distill(["evaluate", ...network, "--data", "few", "--json"], cwd);
    expect(status).toBe(0);
    const { images, classes, perClass } = JSON.parse(out);
    expect([images, classes, perClass.map(({ count }: { count: number }) => count)]).toEqual([4, ["cat", "dog", "emu"], [2, 0, 2]]);
    expect(err).toContain("the test images show 2 of the 3 classes that the model knows: none shows dog");
  });

  it("names all images that cannot be read, and goes on without them on request", async () => {
    await fill("bad/test", ["cat", "dog", "emu"], 2, 9);
    for (const name of ["cat/8.png", "emu/9.jpg"]) writeFileSync(at("bad/test", name), "<html>");
    const command = ["evaluate", ...network, "--data", "bad"];
    const refused = await distill(command, cwd);
    expect([refused.status, refused.err]).toEqual([
      1,
      expect.stringMatching(/2 images cannot be read[\s\S]*cat\/8\.png[\s\S]*emu\/9\.jpg cannot be read as an image: it is a web page/),
    ]);
    const { status, out, err } = await distill([...command, "--skip-unreadable", "--json"], cwd);
    expect([status, JSON.parse(out).images, JSON.parse(out).leftOut.length]).toEqual([0, 6, 2]);
    expect(err).toContain("warning: 2 of 8 images cannot be read and are skipped (test/cat/8.png: it is a web page");
  });

  it("tests all images of class folders without a split, and says so; a run, those that it was tested on", async () => {
    await fill("classes", ["cat", "dog", "emu"], 5, 11);
    const { out, err } = await distill(["evaluate", ...network, "--data", "classes", "--json"], cwd);
    expect([JSON.parse(out).images, err]).toEqual([15, expect.stringContaining("so all its 15 images are tested")]);
    const run = await distill(["train", "--recipe", "recipe.json", "--set", "data.path=classes", "--set", "data.testShare=0.4", "--out", "undivided"], cwd);
    expect([run.status, run.err]).toEqual([
      0,
      expect.stringContaining("40 % of each class were set aside for testing, chosen at random (seed 0): 6 of 15 images"),
    ]);
    expect(JSON.parse((await distill(["evaluate", "--run", "undivided", "--json"], cwd)).out).images).toBe(6);
  }, 30_000);
});

describe("predict", () => {
  it("says what to do with a folder", async () => {
    const { status, err } = await distill(["predict", ...network, "--images", "photos/test/cat"], cwd);
    expect([status, err]).toEqual([
      1,
      expect.stringContaining("photos/test/cat cannot be read as an image: it is a folder: name its files, or use evaluate --data, which takes folders"),
    ]);
  });

  it("answers for the images that can be read, names the others, and fails", async () => {
    writeFileSync(at("bad.png"), "");
    const images = ["photos/test/cat/0.png", "bad.png", "photos/test/dog/0.png"];
    const { status, out, err } = await distill(["predict", ...network, "--images", ...images], cwd);
    expect([status, err]).toEqual([1, expect.stringContaining("error: bad.png cannot be read as an image: it is empty")]);
    expect(out.split("\n").map((line) => line.split(" ")[0])).toEqual(["photos/test/cat/0.png", "photos/test/dog/0.png", ""]);
    const none = await distill(["predict", ...network, "--images", "bad.png", "--json"], cwd);
    expect([none.status, JSON.parse(none.out).error.code]).toEqual([1, "INPUT"]);
  });

  it.skipIf(process.platform !== "linux")("finds a file whose name is not UTF-8", async () => {
    // As Node gives such an argument to the program.
    const { status, out } = await distill(["predict", ...network, "--images", "photos/train/cat/caf\ufffd.png", "--json"], cwd);
    expect([status, JSON.parse(out).images.length]).toEqual([0, 1]);
  });
});
