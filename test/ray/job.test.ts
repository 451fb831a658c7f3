/** What runs on a node of a cluster: the job as it is bundled, in a folder as Ray unpacks it, with a log in the folder of a session. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { type FilesMessage, FULL_DISK, type JobMessage, type JobOrder, messageIn, ORDER } from "../../src-main/ray/messages";
import { type Colour, png } from "../data/image-files";
import { type TarEntry, tarGz } from "../data/tar-archive";
import { type Handler, serve, withoutProxies } from "../download/server";
import { type SmallDisk, smallDisk } from "../small-disk";

const ROOT = resolve(import.meta.dirname, "../..");
const isLinux = process.platform === "linux";

let session: string;
beforeEach(() => {
  withoutProxies();
  session = mkdtempSync(join(tmpdir(), "distill-session-"));
});
afterEach(() => rmSync(session, { recursive: true }));

const recipe = parseRecipe({
  data: { path: "/home/me/pictures" },
  student: { model: "vit_micro_patch4_32" },
  train: { epochs: 1, warmupEpochs: 0, batchSize: 4, precision: "fp32" },
});

interface Job {
  process: ChildProcess;
  /** The log so far. */
  log(): string;
  messages(): JobMessage[];
  /** Its exit status. */
  ended: Promise<number | null>;
}

/** The session's folder as the jobs see it, and as this process does. */
const here: Pick<SmallDisk, "enter" | "seen"> = { enter: [], seen: (path) => path };

/** In the program's folder, which all jobs of a node share. */
function start(id: string, own: Partial<JobOrder>, { enter, seen } = here): Job {
  const program = join(session, "program");
  if (!existsSync(seen(program))) {
    mkdirSync(seen(program));
    for (const name of ["out", "native", "node_modules", "package.json", "assets"]) symlinkSync(join(ROOT, name), join(seen(program), name));
  }
  mkdirSync(seen(join(session, "logs")), { recursive: true });
  const order: JobOrder = { id, args: ["train", "--threads", "1"], recipe, data: null, storage: null, ...own };
  const file = join(session, "logs", `job-driver-${id}.log`);
  const script = 'cd "$0" && exec "$1" out/ray/job.cjs > "$2" 2>&1';
  const [command, ...args] = [...enter, "sh", "-c", script, program, process.execPath, file];
  const child = spawn(command!, args, { env: { ...process.env, [ORDER]: JSON.stringify(order) }, stdio: "ignore" });
  const log = () => readFileSync(seen(file), "utf8");
  return {
    process: child,
    log,
    messages: () =>
      log()
        .split("\n")
        .flatMap((line) => messageIn(line) ?? []),
    ended: once(child, "exit").then(([status]) => status),
  };
}

const filesOf = (job: Job) => job.messages().find((message): message is FilesMessage => message.type === "files");

async function pictures(): Promise<Buffer> {
  const colours: Colour[] = [
    [200, 0, 0],
    [0, 0, 200],
  ];
  const entries = colours.flatMap((colour, label) =>
    ["train", "test"].flatMap((part) =>
      Array.from(
        { length: 4 },
        async (_, i): Promise<TarEntry> => ({
          name: `pictures/${part}/${["red", "blue"][label]}/${i}.png`,
          content: await png(32, 32, colour, [i, label, part.length]),
        }),
      ),
    ),
  );
  return tarGz(await Promise.all(entries));
}

/** Answers with what is asked for, a range too; of what `isHalf` is true for, with a half that never ends. */
function sending(bytes: Buffer, isHalf: () => boolean = () => false): Handler {
  return ({ headers }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    const range = { etag: '"1"', "content-length": bytes.length - start, "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(headers.range ? 206 : 200, range);
    if (isHalf()) response.write(bytes.subarray(0, bytes.length / 2));
    else response.end(bytes.subarray(start));
  };
}

describe.runIf(isLinux)("a job", () => {
  test("trains on data that its node downloads; one that is killed half-way leaves the rest to another", async () => {
    const archive = await pictures();
    const asked: (string | undefined)[] = [];
    const url = await serve((request, response) => sending(archive, () => asked.push(request.headers.range) === 1)(request, response));
    const data = { url: `${url}/pictures.tar.gz`, sha256: createHash("sha256").update(archive).digest("hex"), name: "pictures" };
    const first = start("distill-a-1", { data });
    const part = join(session, "distill-data/pictures.archive.part");
    await vi.waitFor(() => expect(statSync(part).size).toBe(Math.floor(archive.length / 2)), 10_000);
    const second = start("distill-a-2", { data });
    first.process.kill("SIGKILL");
    expect([await first.ended, await second.ended]).toEqual([null, 0]);
    expect(asked).toEqual([undefined, `bytes=${Math.floor(archive.length / 2)}-`]);
    const files = filesOf(second)!;
    expect(files.files.map(({ path }) => path)).toEqual(expect.arrayContaining(["recipe.json", "student.safetensors"]));
    for (const { path, size, sha256 } of files.files) {
      const bytes = readFileSync(join(session, "logs", files.folder, path));
      expect([bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([size, sha256]);
    }
    expect(readdirSync(join(session, "distill-data"))).toEqual(["pictures"]);
    expect(readdirSync(join(session, "program/runs"))).toEqual([]);
  });

  test("says what its node got instead of data, and trains nothing", async () => {
    const url = await serve((_, response) => response.end("<html>Sign in"));
    const job = start("distill-b-1", { data: { url, sha256: null, name: "pictures" } });
    expect(await job.ended).toBe(1);
    expect(job.messages().at(-1)).toMatchObject({ type: "error", code: "INPUT", message: expect.stringContaining(`${url} is an HTML page`) });
  });

  test("on a full disk says how much its data lack, and goes on once there is room", async ({ skip }) => {
    const disk = await smallDisk(session, 200);
    if (typeof disk === "string") return skip(disk);
    const archive = tarGz([{ name: "pictures/noise", content: randomBytes(400_000) }]);
    const asked: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      asked.push(request.headers.range);
      sending(archive)(request, response);
    });
    const data = { url, sha256: createHash("sha256").update(archive).digest("hex"), name: "noise" };
    const full = start("distill-c-1", { data }, disk);
    expect([await full.ended, full.messages().at(-1)]).toEqual([
      1,
      expect.objectContaining({
        type: "error",
        message: expect.stringMatching(
          /^the data's archive has 0\.4 MB, of which 0\.\d MB are still to come\. The disk of .*distill-data on .* has 0\.\d MB free, and takes the archive .*: make room there/,
        ),
      }),
    ]);
    disk.grow(20_000);
    const again = start("distill-c-2", { data }, disk);
    await again.ended;
    // The data are there; they are no images.
    expect(again.messages().at(-1)).toMatchObject({ type: "error", message: expect.stringContaining("holds no images in a known layout") });
  });

  test("whose run finds no room on its disk says so, and hands out what there is; the run on storage goes on once there is room", async ({ skip }) => {
    const disk = await smallDisk(session, 600);
    if (typeof disk === "string") return skip(disk);
    const storage = join(session, "storage/seed-0");
    const order = {
      recipe: { ...recipe, data: { ...recipe.data, path: "bundled", trainLimit: 64, testLimit: 64 }, train: { ...recipe.train, epochs: 2 } },
      storage,
    };
    const full = start("distill-d-1", order, disk);
    expect(await full.ended).not.toBe(0);
    expect(full.messages().find(({ type }) => type === "error")).toMatchObject({
      message: expect.stringMatching(/storage\/seed-0\/.* cannot be written \(ENOSPC/),
    });
    expect(filesOf(full)!.files.map(({ path }) => path)).toContain("recipe.json");
    disk.grow(100_000);
    const again = start("distill-d-2", order, disk);
    expect([await again.ended, again.log()]).toEqual([0, expect.not.stringContaining('"error"')]);
    expect(filesOf(again)!.files.map(({ path }) => path)).toContain("student.safetensors");
  });

  test("on a disk that takes no byte says so by its exit status", async ({ skip }) => {
    const disk = await smallDisk(session, 300);
    if (typeof disk === "string") return skip(disk);
    const [command, ...args] = [...disk.enter, "sh", "-c", 'cat /dev/zero > "$0/ballast"; true', session];
    mkdirSync(disk.seen(join(session, "logs")));
    const filled = spawn(command!, args, { stdio: "ignore" });
    await once(filled, "exit");
    const job = start("distill-e-1", {}, disk);
    expect([await job.ended, job.log()]).toEqual([FULL_DISK, ""]);
  });

  test("hands out a run that leaves no room for a copy of it", async ({ skip }) => {
    const disk = await smallDisk(session, 28_000);
    if (typeof disk === "string") return skip(disk);
    const own = { ...recipe, data: { ...recipe.data, path: "bundled", trainLimit: 64, testLimit: 64 } };
    const job = start("distill-f-1", { recipe: own }, disk);
    expect([await job.ended, job.messages().filter(({ type }) => type === "error")]).toEqual([0, []]);
    expect(filesOf(job)!.files.map(({ path }) => path)).toContain("student.safetensors");
  });
});
