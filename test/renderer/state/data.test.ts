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

it("a download that fails says why", async () => {
  engine.answers.dataDownload = () => Promise.reject(failure("no network"));
  await data.fetch("cifar100");
  expect(data).toMatchObject({ download: null, downloadProblem: { name: "cifar100", message: "No network" } });
});
