import { beforeEach, expect, it } from "vitest";
import { Data } from "../../../src-renderer/state/data.svelte";
import { deferred, FakeEngine, failure, fakeBridge, settle, startedEngine } from "../fakes";

const info = { format: "image-folder", classes: ["cat", "dog"], thumbnails: [{ label: 1, png: new Uint8Array([1]) }] };
let engine: FakeEngine;
let data: Data;

async function dataWith(picks: string | null): Promise<Data> {
  const { bridge } = fakeBridge(engine, () => picks);
  return new Data(bridge, await startedEngine(bridge));
}

beforeEach(async () => {
  engine = new FakeEngine({ dataInfo: () => info });
  data = await dataWith("/my/images");
});

it("reads what is in a folder, with thumbnails", async () => {
  const reading = data.open("bundled");
  expect(data.info).toBeNull();
  await reading;
  expect(data).toMatchObject({ path: "bundled", info: { classes: ["cat", "dog"] }, thumbnails: [{ label: 1, url: expect.stringMatching(/^blob:/) }] });
  await data.chooseFolder();
  expect(engine.paramsOf("dataInfo").at(-1)).toMatchObject({ path: "/my/images", format: "auto" });
});

it("a folder that cannot be read is said in words, and has no thumbnails", async () => {
  engine.answers.dataInfo = () => Promise.reject(failure("the folder is empty"));
  await data.open("/empty");
  expect(data).toMatchObject({ reading: { kind: "failed", message: "The folder is empty" }, info: null, thumbnails: [] });
});

it("an answer that comes after a later choice is dropped", async () => {
  const slow = deferred<unknown>();
  engine.answers.dataInfo = () => slow.promise;
  const first = data.open("/slow");
  await settle();
  engine.answers.dataInfo = () => info;
  await data.open("/fast");
  slow.resolve({ ...info, classes: ["late"] });
  await first;
  expect(data).toMatchObject({ path: "/fast", info: { classes: ["cat", "dog"] } });
});

it("nothing changes where no folder is picked", async () => {
  data = await dataWith(null);
  await data.chooseFolder();
  await data.fetch("cifar100");
  expect(engine.calls).toEqual([]);
});

it("a download reports how far it is, and what it brought is opened", async () => {
  const seen: unknown[] = [];
  engine.answers.dataDownload = (_, notify) => {
    notify({ type: "download", received: 5, total: 10, secondsLeft: 3 });
    notify({ type: "phase", text: "Unpacking" });
    seen.push(data.download);
    return { path: "/my/images/cifar-10" };
  };
  await data.fetch("cifar100");
  expect(seen).toEqual([{ name: "cifar100", received: 5, total: 10, secondsLeft: 3 }]);
  expect(data).toMatchObject({ path: "/my/images/cifar-10", download: null, downloadProblem: null });
});

it("a download that fails says why, and goes on in the same folder", async () => {
  engine.answers.dataDownload = () => Promise.reject(failure("https://example.org does not answer"));
  await data.fetch("cifar100");
  const problem = { name: "cifar100", directory: "/my/images", stopped: false, message: "https://example.org does not answer" };
  expect(data).toMatchObject({ download: null, downloadProblem: problem });
  await data.fetch(problem.name as "cifar100", problem.directory);
  expect(engine.paramsOf("dataDownload")).toEqual([0, 1].map(() => ({ name: "cifar100", directory: "/my/images" })));
});

it("a download can be stopped, which is no failure", async () => {
  const download = deferred<unknown>();
  engine.answers.dataDownload = () => download.promise;
  engine.answers.stopDownloads = () => download.reject(failure("download stopped; 5 bytes are kept", "INTERRUPTED"));
  const fetched = data.fetch("cifar100");
  await settle();
  await data.stopDownload();
  await fetched;
  expect(data).toMatchObject({ path: "bundled", downloadProblem: { stopped: true, message: "Download stopped; 5 bytes are kept" } });
});

it("is read anew when the form chooses other images; what is refused leaves what is shown", async () => {
  const { bridge } = fakeBridge(engine);
  const choosing = { dataSettings: { skipCopies: false }, forgetDataSettings: () => (choosing.dataSettings = { skipCopies: false }) };
  data = new Data(bridge, await startedEngine(bridge), () => choosing);
  await data.open("/my/images");
  expect(await data.follow()).toBeNull();
  expect(engine.paramsOf("dataInfo")).toHaveLength(1);

  choosing.dataSettings = { skipCopies: true };
  engine.answers.dataInfo = () => ({ ...info, classes: ["without copies"] });
  await Promise.all([data.follow(), data.follow()]);
  expect(engine.paramsOf("dataInfo")).toEqual([false, true].map((skipCopies) => expect.objectContaining({ settings: { skipCopies } })));
  expect(data.info).toMatchObject({ classes: ["without copies"] });

  choosing.dataSettings = { skipCopies: false };
  engine.answers.dataInfo = () => Promise.reject(failure("no class is left"));
  expect(await data.follow()).toBe("No class is left");
  expect(await data.follow()).toBe("No class is left");
  expect([engine.paramsOf("dataInfo").length, data.problem, data.info!.classes]).toEqual([3, "No class is left", ["without copies"]]);

  choosing.dataSettings = { skipCopies: true };
  expect([await data.follow(), data.problem]).toEqual([null, null]);
  engine.answers.dataInfo = () => info;
  await data.open("/others");
  expect(engine.paramsOf("dataInfo").at(-1)).toMatchObject({ path: "/others", settings: { skipCopies: false } });
});

it("knows the class of an image that lies in the chosen folder", async () => {
  engine.answers.dataInfo = () => ({ ...info, path: "/my/images" });
  await data.open("/my/images");
  expect(
    ["/my/images/cat/1.png", "/my/images/train/dog/a/1.png", "/my/images/bird/1.png", "/my/images-2/cat/1.png", ""].map((path) => data.truthOf(path)),
  ).toEqual([...["cat", "dog"], ...[null, null, null]]);
  engine.answers.dataInfo = () => ({ ...info, path: "C:\\my" });
  await data.open("C:\\my");
  expect(data.truthOf("C:\\my\\cat\\1.png")).toBe("cat");
});
