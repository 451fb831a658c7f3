/** Several windows on one engine, what they may pick and fetch, and what becomes of them when the engine or the server ends. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DataInfo } from "../../src-main/contract/data-info";
import type { LiveRun, RunCourse } from "../../src-main/contract/run";
import type { Listing, Places, Wanted } from "../../src-main/contract/served";
import { ServedProcess, type Session, type TestPage, temporaryFolder, value } from "./served";

const RECIPE = {
  name: "served",
  data: { path: "bundled", trainLimit: 32, testLimit: 8 },
  teacher: null,
  distillation: null,
  student: { model: "vit_micro_patch4_32" },
  train: { epochs: 2, batchSize: 8, warmupEpochs: 0 },
};
const DATA: Wanted = { kind: "folder", purpose: "data" };
const WEIGHTS: Wanted = { kind: "file", of: "weights" };

const isLinux = process.platform === "linux";
/** Whose /proc tells the process of the server's engine. */
const onLinux = test.runIf(isLinux);
let served: ServedProcess;
let session: Session;
let page: TestPage;
let outside: string;
const inData = (...names: string[]) => path.join(served.home, "data", ...names);
const inRuns = (...names: string[]) => path.join(served.home, "runs", ...names);

beforeAll(async () => {
  served = await ServedProcess.start();
  session = await served.session();
  outside = temporaryFolder();
  const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#3a7bd5" } })
    .png()
    .toBuffer();
  for (const folder of [inData("leaves"), outside])
    for (const name of ["ash", "birch"]) {
      mkdirSync(path.join(folder, name), { recursive: true });
      for (let i = 0; i < 10; i++) writeFileSync(path.join(folder, name, `${i}.png`), picture);
    }
  writeFileSync(inData("w.safetensors"), "x");
  writeFileSync(inData(".secret.safetensors"), "x");
  writeFileSync(inData("notes.txt"), "x");
  writeFileSync(path.join(outside, "w.safetensors"), "x");
  // Linux alone takes names that are not UTF-8.
  if (isLinux) mkdirSync(Buffer.concat([Buffer.from(inData("ash")), Buffer.of(0xff)]));
  symlinkSync(outside, inData("way-out"));
  symlinkSync(path.join(outside, "w.safetensors"), inData("link.safetensors"));
});
beforeEach(async () => {
  page = await served.page(session);
  await page.host("connectEngine");
});
afterAll(async () => {
  await served.remove();
  rmSync(outside, { recursive: true, force: true });
});

async function connected(served: ServedProcess): Promise<TestPage> {
  const page = await served.page();
  await page.host("connectEngine");
  return page;
}

describe("files", () => {
  test("are picked from the working folder and the runs, and from nowhere else", async () => {
    const { roots, start } = await value<Places>(page.host("places", DATA));
    expect([roots, start]).toEqual([[inData(), inRuns()], inData()]);
    const listing = await value<Listing>(page.host("listFolder", inData(), WEIGHTS, ""));
    expect(listing.entries.map(({ name, isFolder }) => [name, isFolder])).toEqual([
      ["leaves", true],
      ["w.safetensors", false],
    ]);
    expect(listing.left).toEqual({ hidden: 1, unfit: 1, outside: 2, nameless: isLinux ? 1 : 0 });
    const found = await value<Listing>(page.host("listFolder", inData(), WEIGHTS, "SAFE"));
    expect(found.entries.map(({ name }) => name)).toEqual(["w.safetensors"]);
  });

  const escapes: [string, () => string][] = [
    ["another folder", () => outside],
    ["the system's", () => "/etc"],
    ["the root", () => "/"],
    ["steps back", () => `${inData()}/../../..`],
    ["steps back below", () => `${inData("leaves")}/../../runs/..`],
    ["a link", () => inData("way-out")],
    ["below a link", () => inData("way-out", "ash")],
    ["a name that begins alike", () => `${inData()}-other`],
  ];
  test.each(escapes)("%s is neither shown nor picked", async (_, place) => {
    for (const call of [page.host("listFolder", place(), DATA, ""), page.host("picked", place(), DATA, false)])
      expect(await call).toMatchObject({ ok: false, message: expect.stringContaining("is not in a folder that this server opens") });
    expect(await page.call("dataInfo", { path: place(), format: "auto", thumbnailsPerClass: 1 })).toMatchObject({ ok: false });
  });

  test("a link to a file outside is not picked, nor a file of another kind, nor one that is not there", async () => {
    for (const name of ["link.safetensors", "notes.txt", "none.safetensors", "leaves"])
      expect((await page.host("picked", inData(name), WEIGHTS, false)).ok, name).toBe(false);
  });

  test("the engine takes a folder once it was picked, for all windows", async () => {
    const other = await served.page(session);
    await other.host("connectEngine");
    const info = { path: inData("leaves"), format: "auto", thumbnailsPerClass: 1 };
    expect(await other.call("dataInfo", info)).toMatchObject({ ok: false, error: { message: expect.stringContaining("may not name") } });
    expect(await value(page.host("picked", inData("leaves"), DATA, false))).toBe(inData("leaves"));
    expect((await other.result<DataInfo>("dataInfo", info)).classes).toHaveLength(2);
    expect(await value(other.host("rememberData", inData("leaves")))).toEqual([inData("leaves")]);
  });

  test("what was picked at an earlier start is remembered, but only where it lies in the folders of this one", async () => {
    const first = await ServedProcess.start(["--root", outside]);
    await value((await connected(first)).host("picked", outside, DATA, false));
    await value((await connected(first)).host("rememberData", outside));
    await first.end();
    for (const [root, isOpen] of [
      [outside, true],
      [inData(), false],
    ] as const) {
      const next = await ServedProcess.start(["--root", root], { home: first.home });
      const window = await connected(next);
      expect(await value(window.host("environment"))).toMatchObject({ recentData: isOpen ? [outside] : [] });
      expect((await window.call("dataInfo", { path: outside, format: "auto", thumbnailsPerClass: 1 })).ok).toBe(isOpen);
      await next.end();
    }
    await first.remove();
  });

  test("a link that comes in the place of what was picked, or is fetched, leads nowhere", async () => {
    const info = { path: inData("late"), format: "auto", thumbnailsPerClass: 1 };
    cpSync(inData("leaves"), inData("late"), { recursive: true });
    await value(page.host("picked", inData("late"), DATA, false));
    expect((await page.call("dataInfo", info)).ok).toBe(true);
    rmSync(inData("late"), { recursive: true });
    symlinkSync(outside, inData("late"));
    expect(await page.call("dataInfo", info)).toMatchObject({ ok: false, error: { message: expect.stringContaining("may not name") } });

    writeFileSync(inRuns("late.json"), "{}");
    const link = await value<string>(page.host("linkTo", inRuns("late.json")));
    const fetched = () => served.ask(link, { headers: { cookie: session.cookie } });
    expect((await fetched()).body).toBe("{}");
    rmSync(inRuns("late.json"));
    symlinkSync(path.join(outside, "w.safetensors"), inRuns("late.json"));
    expect((await fetched()).status).toBe(404);
  });

  test("a model is written to a new name in a root, and no place outside", async () => {
    const wanted: Wanted = { kind: "model", format: "safetensors" };
    expect((await value<Places>(page.host("places", wanted))).start).toBe(inRuns());
    expect(await value(page.host("picked", inData("model"), wanted, false))).toBe(inData("model.safetensors"));
    expect((await value<Places>(page.host("places", wanted))).start).toBe(inData());
    for (const place of [path.join(outside, "m"), inData("way-out", "m"), inData("none", "m"), inData("link.safetensors"), inData(".hidden")])
      expect((await page.host("picked", place, wanted, true)).ok, place).toBe(false);
  });

  test("a file that is there is replaced by a model if the user says so, and a folder or, by a folder, anything never", async () => {
    const safetensors: Wanted = { kind: "model", format: "safetensors" };
    expect(await value(page.host("picked", inData("w"), safetensors, false))).toBeNull();
    expect(await value(page.host("picked", inData("w"), safetensors, true))).toBe(inData("w.safetensors"));
    mkdirSync(inData("folder.safetensors"), { recursive: true });
    expect((await page.host("picked", inData("folder"), safetensors, true)).ok).toBe(false);
    for (const name of ["notes.txt", "leaves"]) expect((await page.host("picked", inData(name), { kind: "model", format: "timm" }, true)).ok, name).toBe(false);
  });

  test("the hub is asked for nothing, unless the server was started for it", async () => {
    expect(await page.host("allowHub", "timm/resnet18.a1_in1k")).toMatchObject({ ok: false, message: expect.stringContaining("distill serve --hub") });
    expect(await page.call("weightsDownload", { weights: "hf:timm/resnet18.a1_in1k" })).toMatchObject({ ok: false });
    const allowing = await ServedProcess.start(["--hub"]);
    expect(await value((await allowing.page()).host("allowHub", "timm/resnet18.a1_in1k"))).toBe("hf:timm/resnet18.a1_in1k");
    await allowing.remove();
  });

  test("wrong calls are refused in words", async () => {
    expect(await page.host("printReport", "/x")).toMatchObject({ ok: false, message: expect.stringContaining("there is no call") });
    expect(await page.host("listFolder", "relative", DATA, "")).toMatchObject({ ok: false, message: expect.stringContaining("absolute") });
    expect(await page.host("listFolder", inData(), { kind: "other" }, "")).toMatchObject({ ok: false });
    expect(await page.call("bench", { only: null, rounds: 1, threads: null, python: null })).toMatchObject({ ok: false });
  });
});

describe("a run", () => {
  test("that one window started is followed by another, and goes on when both are closed; its report is fetched as a picture of itself", async () => {
    const waiting = await served.page(session);
    const heard = waiting.event("runStarted");
    const { run, directory } = await page.result<{ run: string; directory: string }>("start", {
      kind: "train",
      recipe: RECIPE,
      out: inRuns("first"),
      resume: false,
    });
    await heard;
    expect(page.events.map(({ type }) => type)).not.toContain("runStarted");
    waiting.socket.close();
    const other = await served.page(session);
    await other.host("connectEngine");
    expect((await other.result<LiveRun[]>("list", {})).map((live) => live.run)).toEqual([run]);
    page.socket.close();
    await other.call("watch", { run, from: 0 });
    expect(other.notices.map(({ type }) => type)).toContain("batches");
    // As columns of numbers, as the engine gives them.
    const course = await other.result<RunCourse>("readCourse", { directory });
    expect(Object.values(course.columns).filter(ArrayBuffer.isView).length).toBeGreaterThan(0);

    const report = await value<string>(other.host("reportFile", "html", "first"));
    await other.result("report", { runs: [directory], format: "html", out: report });
    const link = await value<string>(other.host("linkTo", report));
    const { status, headers, body } = await served.ask(link, { headers: { cookie: session.cookie } });
    expect([status, headers["content-disposition"]]).toEqual([200, "inline; filename*=UTF-8''first.html"]);
    expect(headers["content-security-policy"]).toMatch(/^sandbox; default-src 'none'/);
    expect(body).toBe(readFileSync(report, "utf8"));
    expect((await served.ask(link)).status).toBe(401);

    writeFileSync(path.join(directory, "lock"), "how to follow and stop it");
    const folder = await value<string>(other.host("linkTo", directory));
    const archive = await served.ask(folder, { headers: { cookie: session.cookie } });
    expect(archive.headers).toMatchObject({ "content-type": "application/zip", "content-disposition": "attachment; filename*=UTF-8''first.zip" });
    for (const name of ["first/recipe.json", "first/student.safetensors"]) expect(archive.body).toContain(name);
    expect(archive.body).not.toContain("first/lock");
    expect((await served.ask("/files/guessed/first.html", { headers: { cookie: session.cookie } })).status).toBe(404);
    for (const file of [
      path.join(outside, "w.safetensors"),
      "/etc/passwd",
      "/etc",
      inData(),
      inRuns(),
      inData("notes.txt"),
      inRuns("first", "lock"),
      `${inRuns()}/../data/x.html`,
    ])
      expect((await other.host("linkTo", file)).ok, file).toBe(false);
  });
});

onLinux(
  "when the engine dies, windows are told, and the next one to ask gets a new engine that knows what was picked, of which the others are told",
  async () => {
    const told = page.event("engineEnded");
    process.kill(served.engine, "SIGKILL");
    expect((await told).end.message).toContain("ended unexpectedly (signal SIGKILL)");
    const other = await served.page(session);
    const started = other.event("engineStarted");
    await page.host("connectEngine");
    await started;
    expect(await page.call("dataInfo", { path: inData("leaves"), format: "auto", thumbnailsPerClass: 1 })).toMatchObject({ ok: true });
  },
);

describe("a server that is asked to end", () => {
  const FIXED = "f".repeat(40);

  test.each(["SIGINT", "SIGTERM"] as const)(
    "by %s tells its windows and lets the run write its checkpoint; started again with the same token, it asks browsers to sign in, and names the run",
    async (signal) => {
      const first = await ServedProcess.start([], { env: { DISTILL_TOKEN: FIXED } });
      const known = await first.session();
      const window = await first.page(known);
      await window.host("connectEngine");
      const out = path.join(first.home, "runs", "long");
      const { run } = await window.result<{ run: string }>("start", {
        kind: "train",
        recipe: { ...RECIPE, train: { ...RECIPE.train, epochs: 1000 } },
        out,
        resume: false,
      });
      const begun = new Promise<void>((resolve) => {
        window.socket.on("message", () => window.notices.some(({ type }) => type === "batches") && resolve());
      });
      window.call("watch", { run, from: 0 });
      await begun;
      const told = window.event("ending");
      expect(await first.end(signal)).toBe(130);
      await told;
      expect(first.err).toContain("writes its checkpoint first");
      expect(existsSync(path.join(out, "checkpoint"))).toBe(true);

      const second = await ServedProcess.start(["--port", first.url.port], { home: first.home, env: { DISTILL_TOKEN: FIXED } });
      await expect(second.page(known)).rejects.toThrow("401");
      const again = await connected(second);
      expect(await again.result("listRuns", { directory: path.join(first.home, "runs") })).toMatchObject([{ directory: out, state: "stopped", owner: null }]);
      await second.remove();
    },
  );

  test("has another token at its next start, unless it was given one: the old one is refused", async () => {
    const first = await ServedProcess.start();
    const known = await first.session();
    await first.end();
    const second = await ServedProcess.start(["--port", first.url.port], { home: first.home });
    await expect(second.page(known)).rejects.toThrow("401");
    await second.remove();
  });
});
