// hf:owner/name against a hub on this computer: what is asked, checked, kept as Python keeps it, and said.
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InputError } from "../../src-main/contract/failure";
import { cachedWeights, fetchWeights } from "../../src-main/hub/fetch-weights";
import { hubSettings } from "../../src-main/hub/settings";
import { serve, withoutProxies } from "../download/server";
import { COMMIT, type FakeHub, fakeHub, sha256 } from "./fake-hub";

const MODEL = Buffer.alloc(300_000, "weights");
const CONFIG = Buffer.from('{"architecture":"resnet18"}');
const FILES = new Map([
  ["config.json", CONFIG],
  ["model.safetensors", MODEL],
  ["README.md", Buffer.from("#")],
]);

let home: string;
beforeEach(() => {
  withoutProxies();
  home = mkdtempSync(join(tmpdir(), "hub-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const settings = ({ endpoint }: Pick<FakeHub, "endpoint">, more = {}) => hubSettings({ HF_ENDPOINT: endpoint, HF_HOME: home, ...more });
const fetch = (path: string, hub: Pick<FakeHub, "endpoint">, more = {}) => fetchWeights(path, { delay: 1 }, settings(hub, more));
const repository = () => join(home, "hub", "models--o--m");
const fails = (fetched: Promise<unknown>, message: RegExp | string) =>
  expect(fetched).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });

test("the one file of weights is downloaded, checked and kept in Python's layout", async () => {
  const hub = await fakeHub(FILES);
  const { path, note } = await fetch("hf:o/m", hub, { HF_TOKEN: "hf_secret" });
  expect(path).toBe(join(repository(), "snapshots", COMMIT, "model.safetensors"));
  expect(readFileSync(path).equals(MODEL)).toBe(true);
  expect(note).toBe(`hf:o/m is model.safetensors of commit ${COMMIT.slice(0, 12)}, downloaded and checked: ${path}`);
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect(join(dirname(path), readlinkSync(path))).toBe(join(repository(), "blobs", sha256(MODEL)));
  expect(readFileSync(join(repository(), "refs", "main"), "utf8")).toBe(COMMIT);
  expect(readFileSync(join(dirname(path), "config.json")).equals(CONFIG)).toBe(true);
  expect(readdirSync(join(repository(), "blobs"))).toHaveLength(2);
  // The token is the hub's: the server that has the file does not see it.
  expect(hub.asked).toEqual([
    "GET /api/models/o/m/revision/main token",
    "HEAD /o/m/resolve/main/model.safetensors token",
    "HEAD /o/m/resolve/main/config.json token",
    "GET /o/m/resolve/main/config.json token",
    "GET /o/m/resolve/main/model.safetensors token",
    `GET /${sha256(MODEL)}`,
  ]);
});

test("what is in the cache is not downloaded again; a commit is not even asked for", async () => {
  const hub = await fakeHub(FILES);
  const { path } = await fetch("hf:o/m", hub);
  hub.asked.length = 0;
  expect((await fetch("hf:o/m/model.safetensors", hub)).note).toContain("in the cache");
  expect(hub.asked).toEqual(["HEAD /o/m/resolve/main/model.safetensors", "HEAD /o/m/resolve/main/config.json"]);
  hub.asked.length = 0;
  expect((await fetch(`hf:o/m@${COMMIT}/model.safetensors`, hub)).path).toBe(path);
  expect(hub.asked).toEqual([]);
});

test("the exact name of what came asks nobody, and says so once it is gone", async () => {
  const hub = await fakeHub(FILES);
  const { path, exact } = await fetch("hf:o/m", hub);
  expect(exact).toBe(`hf:o/m@${COMMIT}/model.safetensors`);
  hub.asked.length = 0;
  expect(cachedWeights(exact, settings(hub))).toMatchObject({ path, exact });
  expect(cachedWeights("hf:o/m", settings(hub))).toMatchObject({ path, exact });
  expect(() => cachedWeights("hf:o/other", settings(hub))).toThrow("hf:o/other is not on this computer any more: download it again");
  expect(hub.asked).toEqual([]);
});

test("whoever reads config.json may refuse the model before its weights are downloaded", async () => {
  const hub = await fakeHub(FILES);
  const seen: (string | null)[] = [];
  const onConfig = (config: string | null) => {
    seen.push(config);
    throw new InputError("not this one");
  };
  await fails(fetchWeights("hf:o/m", { delay: 1, onConfig }, settings(hub)), "not this one");
  expect(seen).toEqual([CONFIG.toString()]);
  expect(hub.asked).not.toContain(`GET /${sha256(MODEL)}`);
  const bare = await fakeHub(new Map([["model.safetensors", MODEL]]));
  await fetchWeights("hf:o/m", { delay: 1, onConfig: (config) => seen.push(config) }, settings(bare));
  expect(seen[1]).toBeNull();
});

test("a download that breaks off resumes at its byte", async () => {
  const hub = await fakeHub(FILES, { cutOff: 2 });
  const { path } = await fetch("hf:o/m", hub);
  expect(readFileSync(path).equals(MODEL)).toBe(true);
  expect(hub.asked.filter((each) => each.startsWith(`GET /${sha256(MODEL)}`))).toEqual([
    `GET /${sha256(MODEL)}`,
    `GET /${sha256(MODEL)} range`,
    `GET /${sha256(MODEL)} range`,
  ]);
});

test("small files are checked by git's hash", async () => {
  const hub = await fakeHub(FILES);
  expect(readFileSync((await fetch("hf:o/m@main/config.json", hub)).path).equals(CONFIG)).toBe(true);
});

test("where the hub cannot be reached, the cache serves, which is said", async () => {
  const hub = await fakeHub(FILES);
  const { path } = await fetch("hf:o/m", hub);
  const gone = { endpoint: "http://127.0.0.1:9" };
  const again = await fetch("hf:o/m", gone);
  expect(again.path).toBe(path);
  expect(again.note).toMatch(/from the cache, as the hub was not asked \(http:\/\/127\.0\.0\.1:9.* cannot be reached/);
  hub.asked.length = 0;
  expect((await fetch("hf:o/m", hub, { HF_HUB_OFFLINE: "1" })).note).toContain("HF_HUB_OFFLINE is set");
  expect(hub.asked).toEqual([]);
  await fails(
    fetch("hf:o/other", gone),
    /hf:o\/other is not in the cache, and cannot be downloaded: .*cannot be reached.*download its file elsewhere and name that in place of hf:o\/other/,
  );
});

describe("refused, with what to do:", () => {
  test.each([
    ["hf:o/m/missing.bin", /there is no such file in that revision/],
    ["hf:o/m@v9/model.safetensors", /there is no such revision/],
    ["hf:o/gone/x.bin", /knows no such model, or shows it to nobody: if it is private, set HF_TOKEN/],
    ["hf:o/gated/x.bin", /asks for consent before it is downloaded/],
    ["hf:resnet18", /expected hf:owner\/name, hf:owner\/name@revision/],
    ["hf:o/m/../../../etc/passwd", /expected hf:owner\/name/],
    ["hf:o/m@..%2F../x.bin", /expected hf:owner\/name/],
    ["hf:../m", /expected hf:owner\/name/],
  ])("%s", async (path, message) => {
    await fails(fetch(path, await fakeHub(FILES)), message);
    expect(existsSync(join(repository(), "blobs"))).toBe(false);
  });

  test("several files of weights, or none", async () => {
    const two = new Map(
      [...FILES]
        .filter(([name]) => name !== "model.safetensors")
        .concat([
          ["a.pth", MODEL],
          ["b.pth", MODEL],
        ]),
    );
    await fails(fetch("hf:o/m", await fakeHub(two)), /several files of weights: name one, as hf:o\/m\/a\.pth; there are a\.pth, b\.pth/);
    await fails(fetch("hf:o/m", await fakeHub(new Map([["config.json", CONFIG]]))), /has no file of weights: .* got config\.json/);
  });

  test("a wrong or missing token", async () => {
    const hub = await fakeHub(FILES, { token: "hf_right" });
    await fails(fetch("hf:o/m", hub), /set HF_TOKEN to a token that may read it/);
    await fails(fetch("hf:o/m", hub, { HF_TOKEN: "hf_wrong" }), /the token that was sent gives no access to it/);
    writeFileSync(join(home, "token"), "hf_right\n");
    expect(existsSync((await fetch("hf:o/m", hub)).path)).toBe(true);
  });

  test("other content than the checksum says, of which nothing is kept", async () => {
    await fails(fetch("hf:o/m", await fakeHub(FILES, { corrupt: true })), /did not send the expected file: its SHA256 is [0-9a-f]{64}, and not/);
    expect(readdirSync(join(repository(), "blobs"))).not.toContain(sha256(MODEL));
  });

  test("a server that is no hub", async () => {
    const endpoint = await serve((_, response) => response.end("Welcome"));
    await fails(fetch("hf:o/m/x.bin", { endpoint }), /names no commit and no hash of the file; check HF_ENDPOINT/);
    await fails(fetch("hf:o/m", { endpoint }), /expected JSON; check HF_ENDPOINT/);
  });
});

test("address, cache and token are those of Python's huggingface_hub", () => {
  expect(hubSettings({ HF_HOME: "/h" })).toEqual({ endpoint: "https://huggingface.co", cache: join("/h", "hub"), token: null, isOffline: false });
  expect(hubSettings({ HF_HOME: "/h", HF_HUB_CACHE: "/c", HF_ENDPOINT: "https://mirror/", HF_TOKEN: "t" })).toMatchObject({
    endpoint: "https://mirror",
    cache: "/c",
    token: "t",
  });
  expect(hubSettings({ XDG_CACHE_HOME: "/x" }).cache).toBe(join("/x", "huggingface", "hub"));
  mkdirSync(join(home, "t"));
  writeFileSync(join(home, "t", "mine"), " hf_file ");
  expect(hubSettings({ HF_HOME: home, HF_TOKEN_PATH: join(home, "t", "mine") }).token).toBe("hf_file");
  expect(hubSettings({ HF_HOME: home, HF_TOKEN_PATH: join(home, "t", "mine"), HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }).token).toBeNull();
});
