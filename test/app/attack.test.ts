/** What somebody tries who has taken over the page. Each test says what must not happen. */
import { createSocket } from "node:dgram";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { endApp, launchDevelopmentApp, noDesktop, PATIENCE_MS } from "./launch";
import { Studio } from "./studio";
import { TakenOverPage } from "./taken-over";

vi.setConfig({ testTimeout: PATIENCE_MS, hookTimeout: PATIENCE_MS });

const ASSETS = path.resolve(import.meta.dirname, "../../assets");

/** Holds the app's own folder, and `victim`, which the user never chose. */
let folder: string;
let page: TakenOverPage;
/** Packets and connections that reached this computer's ports. */
let arrived: string[];
let ports: { udp: number; tcp: number; close(): void };

const inVictim = (...names: string[]) => path.join(folder, "victim", ...names);
const inRuns = (...names: string[]) => path.join(folder, "home", "runs", ...names);

beforeAll(async () => {
  if (noDesktop) return;
  folder = mkdtempSync(path.join(os.tmpdir(), "distill-attack-"));
  mkdirSync(inVictim(), { recursive: true });
  mkdirSync(inRuns(), { recursive: true });
  ports = await listen();
  // In place of the hub, and without a cache or a token of this computer.
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${ports.tcp}`);
  vi.stubEnv("HF_HOME", path.join(folder, "hub"));
  const app = await launchDevelopmentApp(path.join(folder, "home"));
  page = await TakenOverPage.of(app);
  await trainARun();
  await prepareVictim();
});

beforeEach(({ skip }) => {
  skip(noDesktop !== null, noDesktop ?? undefined);
  arrived = [];
});

afterAll(async () => {
  if (noDesktop) return;
  await endApp(page.app);
  ports.close();
  rmSync(folder, { recursive: true, force: true });
});

const recipe = {
  name: "$(touch pwned)",
  data: { path: "bundled", trainLimit: 8, testLimit: 4 },
  teacher: null,
  distillation: null,
  student: { model: "vit_micro_patch4_32" },
  train: { epochs: 1, batchSize: 8, warmupEpochs: 0 },
};

async function trainARun(): Promise<void> {
  const answer = await page.call("start", { kind: "train", recipe, out: inRuns("own"), resume: false });
  expect(answer).toMatchObject({ ok: true });
  const { run } = (answer as unknown as { result: { run: string } }).result;
  expect(await page.call("watch", { run, from: 0 })).toMatchObject({ ok: true });
}

/** Files that the user values, a run among them, and ways to them out of the runs folder. */
async function prepareVictim(): Promise<void> {
  writeFileSync(inVictim(".bashrc"), "# my settings\n");
  writeFileSync(inVictim("thesis.html"), "years of work");
  cpSync(inRuns("own"), inVictim("run"), { recursive: true });
  cpSync(path.join(ASSETS, "teacher/resnet20_cifar10.safetensors"), inVictim("weights.safetensors"));
  mkdirSync(inVictim("data", "train", "cat"), { recursive: true });
  await sharp({ create: { width: 32, height: 32, channels: 3, background: "#3a7bd5" } })
    .png()
    .toFile(inVictim("photo.png"));
  symlinkSync(inVictim(), inRuns("link"));
  symlinkSync(inVictim("new.html"), inRuns("nowhere.html"));
}

/** Every file of the victim with its size and content, so that any change shows. */
function victim(): Record<string, string> {
  const files = readdirSync(inVictim(), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map(({ parentPath, name }) => [path.join(parentPath, name), readFileSync(path.join(parentPath, name), "base64")]));
}

/** The ways by which a page may try to name a place of the victim: plainly, by steps back, and by a link in the runs folder. */
const waysTo = (...names: string[]) => [
  inVictim(...names),
  `${inRuns()}/../../victim/${names.join("/")}`,
  inRuns("link", ...names),
  `${inRuns("link")}/./${names.join("/")}`,
];

// ---- Files --------------------------------------------------------------------------------------------------------------------------

const NOT_FOR_PAGES = /the window may not name/;

test("writes over no file and into no folder that the user did not choose", async () => {
  const before = victim();
  const targets = [...waysTo(".bashrc"), ...waysTo("thesis.html"), ...waysTo("new.html"), inRuns("nowhere.html"), inRuns("own", "recipe.json")];
  for (const out of targets) {
    expect(await page.refusal("report", { runs: [inRuns("own")], format: "csv", out }), out).toMatch(NOT_FOR_PAGES);
    expect(await page.refusal("exportWeights", { weights: "bundled", precision: "bf16", out }), out).toMatch(NOT_FOR_PAGES);
    for (const format of ["safetensors", "timm", "onnx"])
      expect(await page.refusal("exportModel", { source: { run: inRuns("own") }, format, out, replaces: true }), out).toMatch(NOT_FOR_PAGES);
  }
  for (const out of [...waysTo("new"), inRuns(), "new", ""]) {
    expect(await page.refusal("start", { kind: "train", recipe, out, resume: false }), out).toMatch(/the window may not name|out: /);
    expect(await page.refusal("start", { kind: "train", recipe, out, resume: true, takeOver: true }), out).toMatch(/the window may not name|out: /);
  }
  for (const directory of waysTo("download")) expect(await page.refusal("dataDownload", { name: "cifar10", directory }), directory).toMatch(NOT_FOR_PAGES);
  expect(victim()).toEqual(before);
});

test("deletes no run beside the runs folder", async () => {
  const before = victim();
  for (const directory of [...waysTo("run"), inRuns()]) expect(await page.refusal("deleteRun", { directory }), directory).toMatch(NOT_FOR_PAGES);
  expect(victim()).toEqual(before);
  expect(existsSync(inRuns("own", "recipe.json"))).toBe(true);
});

test("reads no image, weights, data or run that the user did not choose, and does not learn which files exist", async () => {
  for (const [there, missing] of [
    [waysTo("photo.png"), waysTo("none.png")],
    [waysTo("weights.safetensors"), waysTo("none.safetensors")],
    [waysTo("data"), waysTo("none")],
    [waysTo("run"), waysTo("none")],
  ] as const) {
    for (const [i, file] of [...there, ...missing].entries()) {
      const asked = [
        page.refusal("predict", { model: "resnet20_cifar10", weights: "bundled", images: [{ path: file }], withInput: true }),
        page.refusal("predict", { model: "resnet20_cifar10", weights: file, images: [] }),
        page.refusal("evaluate", { models: [{ model: "resnet20_cifar10", weights: file }], runs: [], data: "bundled", format: "auto" }),
        page.refusal("evaluate", { models: [{ model: "resnet20_cifar10", weights: "bundled" }], runs: [], data: file, format: "auto" }),
        page.refusal("exportWeights", { weights: file, precision: "fp32", out: inRuns("exported.safetensors") }),
        page.refusal("exportModel", { source: { weights: file, model: "resnet20_cifar10" }, format: "safetensors", out: inRuns("exported.safetensors") }),
        page.refusal("exportModel", { source: { run: file }, format: "safetensors", out: inRuns("exported.safetensors") }),
        page.refusal("dataInfo", { path: file, format: "auto", thumbnailsPerClass: 8 }),
        page.refusal("start", { kind: "train", recipe: { ...recipe, data: { path: file } }, out: inRuns("new"), resume: false }),
        page.refusal("start", { kind: "train", recipe: { ...recipe, student: { ...recipe.student, weights: file } }, out: inRuns("new"), resume: false }),
        page.refusal("start", {
          kind: "compare",
          recipe: { ...recipe, teacher: { model: "resnet20_cifar10", weights: file } },
          out: inRuns("new"),
          resume: false,
        }),
        page.refusal("readRun", { directory: file }),
        page.refusal("listRuns", { directory: file }),
        page.refusal("attach", { directory: file }),
        page.refusal("report", { runs: [inRuns("own"), file], format: "json", out: inRuns("report.json") }),
      ];
      // The path apart, the words are the same whether there is something or not.
      for (const refusal of await Promise.all(asked)) expect(refusal, `${i}: ${file}`).toMatch(NOT_FOR_PAGES);
    }
  }
  expect(existsSync(inRuns("new"))).toBe(false);
});

test("invents no dropped file; one that the user drops may be read, and nothing beside it", async () => {
  const forged = [
    "{ path: victim }",
    "Object.defineProperty(new File(['x'], 'photo.png'), 'path', { value: victim })",
    "new Proxy({}, { get: () => victim })",
    "new File(['x'], victim)",
  ];
  for (const file of forged) await page.run(`async (victim) => { try { await host.pathForFile(${file}); } catch {} }`, inVictim("photo.png"));
  const predict = (file: string) => page.refusal("predict", { model: "resnet20_cifar10", weights: "bundled", images: [{ path: file }] });
  expect(await predict(inVictim("photo.png"))).toMatch(NOT_FOR_PAGES);

  // Listens as the app's own page does, before it.
  await page.run(
    `() => void addEventListener("drop", ({ dataTransfer }) => host.pathForFile(dataTransfer.files[0]).then((path) => (taken.path = path)), { capture: true, once: true })`,
  );
  const studio = await Studio.of(page.app);
  await studio.drop(inVictim("photo.png"), "Predict these");
  await expect.poll(() => page.run("() => taken.path"), { timeout: PATIENCE_MS }).toBe(inVictim("photo.png"));
  await studio.go("data");
  expect(await predict(inVictim("photo.png"))).toBeNull();
  expect(await page.refusal("report", { runs: [inRuns("own")], format: "html", out: inVictim("photo.png") })).toMatch(NOT_FOR_PAGES);
  expect(await page.refusal("exportWeights", { weights: inVictim("weights.safetensors"), precision: "fp32", out: inRuns("e.safetensors") })).toMatch(
    NOT_FOR_PAGES,
  );
});

test("what the user chooses in a dialog is open, and only for what it was chosen for", async () => {
  const studio = await Studio.of(page.app);
  await studio.pickInDialogs(inVictim("report.html"));
  expect(await page.run("() => host.chooseReportFile('html', 'report')")).toEqual({
    ok: true,
    value: { chosen: inVictim("report.html"), written: inVictim("report.html") },
  });
  expect(await page.run("(chosen) => host.printReport(chosen)", inVictim("report.html"))).toMatchObject({ ok: false });
  expect(await page.refusal("report", { runs: [inRuns("own")], format: "html", out: inVictim("report.html") })).toBeNull();
  expect(await page.refusal("report", { runs: [inRuns("own")], format: "html", out: inVictim("report.html", "..", "thesis.html") })).toMatch(NOT_FOR_PAGES);

  await studio.pickInDialogs(inVictim("model.safetensors"));
  expect(await page.run("() => host.chooseModelPlace('safetensors', '../../thesis')")).toEqual({ ok: true, value: inVictim("model.safetensors") });
  const exported = (out: string, replaces = false) => page.refusal("exportModel", { source: { run: inRuns("own") }, format: "safetensors", out, replaces });
  expect(await exported(inVictim("model.safetensors", "..", "thesis.html"), true)).toMatch(NOT_FOR_PAGES);
  expect(await exported(inVictim("weights.safetensors"), true)).toMatch(NOT_FOR_PAGES);
  expect(await exported(inVictim("model.safetensors"))).toBeNull();

  await studio.pickInDialogs(inVictim("data"));
  await page.run("() => host.chooseFolder('data')");
  expect(await page.refusal("dataInfo", { path: inVictim("data"), format: "auto", thumbnailsPerClass: 1 })).not.toMatch(NOT_FOR_PAGES);
  expect(await page.refusal("dataDownload", { name: "cifar10", directory: inVictim("data") })).toMatch(NOT_FOR_PAGES);
});

test("a new engine knows what the user chose", async () => {
  await (await Studio.of(page.app)).pickInDialogs(inVictim("weights.safetensors"));
  await page.run("() => host.chooseFile('weights')");
  const [pid] = await page.enginePids();
  process.kill(pid!, "SIGKILL");
  await expect.poll(() => page.run("() => taken.exits.length"), { timeout: PATIENCE_MS }).toBe(1);
  page = await TakenOverPage.of(page.app);
  expect(await page.refusal("predict", { model: "resnet20_cifar10", weights: inVictim("weights.safetensors"), images: [] })).toBeNull();
});

test("opens and reveals nothing beside the runs folder", async () => {
  for (const file of [...waysTo("thesis.html"), `${inRuns()}x/report.html`, "/etc/passwd"])
    for (const call of ["openReport", "reveal"])
      expect(await page.run("(call, file) => host[call](file)", call, file), `${call} ${file}`).toMatchObject({ ok: false });
});

// ---- Programs and messages ----------------------------------------------------------------------------------------------------------

test("starts no program, and sends the engine to no address", async () => {
  writeFileSync(inVictim("program.sh"), `#!/bin/sh\ntouch ${inVictim("started")}\n`, { mode: 0o755 });
  const url = `http://127.0.0.1:${ports.tcp}/secret`;
  expect(await page.refusal("bench", { only: "add", rounds: 1, threads: 1, python: inVictim("program.sh") })).toMatch(/for the command line/);
  expect(await page.refusal("dataDownloadFrom", { directory: inRuns("download"), url })).toMatch(/for the command line/);
  expect(await page.refusal("dataDownload", { name: "cifar10", directory: inRuns("download"), url })).toMatch(/url/);
  expect(existsSync(inVictim("started"))).toBe(false);
  expect(arrived).toEqual([]);
});

test("asks the hub for no model that the user did not allow in the app's own dialog", async () => {
  const studio = await Studio.of(page.app);
  const names = ["hf:o/m", "hf:o/m@main/x.bin", "hf:o/other"];
  const asked = (weights: string) =>
    Promise.all([
      page.refusal("weightsDownload", { weights }),
      page.refusal("predict", { model: "resnet20_cifar10", weights, images: [] }),
      page.refusal("checkTeacher", { model: null, weights, classes: [] }),
      page.refusal("fitTeacher", { data: { path: "bundled" }, from: weights, out: inRuns("fit") }),
      page.refusal("start", { kind: "train", recipe: { ...recipe, student: { ...recipe.student, weights } }, out: inRuns("new"), resume: false }),
    ]);
  const allow = (response: number) =>
    page.app.evaluate(({ dialog }, response) => {
      dialog.showMessageBox = (async () => ({ response, checkboxChecked: false })) as never;
    }, response);
  await allow(1);
  expect(await page.run("() => host.allowHub('o/m')")).toEqual({ ok: true, value: null });
  for (const weights of names) for (const refusal of await asked(weights)) expect(refusal, weights).toMatch(NOT_FOR_PAGES);
  await allow(0);
  for (const typed of ["http://127.0.0.1:1/o/m", "https://example.com/o/m", "../../o/m", "file:///etc/passwd", ""])
    expect(await page.run("(typed) => host.allowHub(typed)", typed), typed).toMatchObject({ ok: false });
  expect(await page.run("() => host.allowHub('o/m')")).toEqual({ ok: true, value: "hf:o/m" });
  // Exactly that one: the server of this test is no hub, which is how its answer is known.
  expect(await page.refusal("weightsDownload", { weights: "hf:o/m" })).toMatch(/^hf:o\/m is not in the cache, and cannot be downloaded: .*127\.0\.0\.1/);
  expect(arrived.splice(0).length).toBeGreaterThan(0);
  for (const weights of names.slice(1)) for (const refusal of await asked(weights)) expect(refusal, weights).toMatch(NOT_FOR_PAGES);
  expect(arrived).toEqual([]);
  expect(studio.complaints).toEqual([]);
});

test("ends no engine with messages, however they are made, and starts no second one", async () => {
  const before = await page.enginePids();
  expect(before).toHaveLength(1);
  // Structures a page can send: nested 3,000 and 100,000 deep, cyclic, without an id, of another shape, of every type that can be cloned.
  await page.run(`() => {
    const nested = (depth) => { let outer = {}; for (let i = 0; i < depth; i++) outer = { data: outer }; return outer; };
    const cyclic = { name: "x", data: {} };
    cyclic.data.path = cyclic;
    cyclic.student = cyclic;
    const post = (message) => { try { taken.port.postMessage(message); } catch {} };
    for (const value of [nested(3000), nested(100_000), cyclic, [cyclic], new Map([[cyclic, cyclic]]), 1n, new Date(NaN), /x/, new Error("x"), new ArrayBuffer(8), null, "x", undefined]) {
      post(value);
      for (const method of ["start", "predict", "report", "watch", "control", "listRuns", value]) {
        post({ id: 1, method, params: value });
        post({ id: 1, method, params: { recipe: value, out: value, kind: "train", resume: false, run: value, images: value, directory: value, runs: value } });
        post({ id: value, method, params: {} });
        post({ method, params: value });
      }
      post({ id: 1, method: "start", params: { kind: "train", recipe: value, out: ${JSON.stringify(inRuns("deep"))}, resume: false } });
    }
    for (const method of ["__proto__", "constructor", "toString", "hasOwnProperty", "", "x".repeat(1e6)]) post({ id: 1, method, params: {} });
    post({ id: 1, method: "hello", params: JSON.parse('{"__proto__":{"protocol":2}}') });
    post({ type: "leave", id: 1 });
    post("leave");
  }`);
  expect(await page.call("models", {})).toMatchObject({ ok: true });
  expect(await page.run("() => taken.exits")).toEqual([]);

  await page.run("async () => { for (let i = 0; i < 40; i++) await host.connectEngine(); }");
  expect(await page.call("models", {})).toMatchObject({ ok: true });
  expect(await page.enginePids()).toEqual(before);
});

test("gets no host call past its checks", async () => {
  for (const call of [
    "setTheme('__proto__')",
    "setActivity({ state: 'running', progress: NaN })",
    "chooseReportFile('exe', 'x')",
    "chooseFolder({})",
    "allowHub({})",
    "allowHub('x'.repeat(2000))",
    "chooseModelPlace('exe', 'x')",
    "chooseModelPlace('onnx', {})",
    "printReport('/etc/passwd')",
    "environment(1)",
    "reveal({})",
  ])
    expect(await page.run(`() => host.${call}`), call).toMatchObject({ ok: false });
  expect(await page.run("() => [typeof require, typeof process, typeof host.quit, typeof host.dropped]")).toEqual(Array(4).fill("undefined"));
});

// ---- The network --------------------------------------------------------------------------------------------------------------------

/** Notes whatever arrives on a port for UDP and one for TCP. */
async function listen(): Promise<typeof ports> {
  const udp = createSocket("udp4", () => arrived.push("UDP"));
  await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
  const tcp = createServer((socket) => {
    arrived.push("TCP");
    socket.on("error", () => {}).destroy();
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const portOf = (address: unknown) => (address as { port: number }).port;
  return { udp: portOf(udp.address()), tcp: portOf(tcp.address()), close: () => [udp.close(), tcp.close()] };
}

test("WebRTC sends nothing: neither to STUN, nor to TURN, nor to another peer", async () => {
  const states = await page.run(
    `async (udp, tcp) => {
      const iceServers = [
        { urls: ["stun:127.0.0.1:" + udp, "stun:localhost:" + udp] },
        { urls: ["turn:127.0.0.1:" + udp, "turn:127.0.0.1:" + tcp + "?transport=tcp", "turns:localhost:" + tcp, "turn:localhost:" + tcp + "?transport=tcp"], username: "u", credential: "p" },
      ];
      const gathered = (connection) => new Promise((resolve) => {
        connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && resolve();
      });
      const states = [];
      for (const iceTransportPolicy of ["all", "relay"]) {
        const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy });
        connection.createDataChannel("x");
        const done = gathered(connection);
        await connection.setLocalDescription(await connection.createOffer());
        // A peer that names this computer's ports as its own.
        const fingerprint = /a=fingerprint:.*/.exec(connection.localDescription.sdp)[0];
        const sdp = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 127.0.0.1", "a=mid:0", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", fingerprint, "a=setup:active", "a=sctp-port:5000",
          "a=candidate:1 1 udp 2122260223 127.0.0.1 " + udp + " typ host", "a=candidate:2 1 tcp 1518280447 127.0.0.1 " + tcp + " typ host tcptype passive", ""].join("\\r\\n");
        await connection.setRemoteDescription({ type: "answer", sdp });
        await done;
        states.push((connection.localDescription.sdp.match(/^a=candidate.*udp/gim) ?? []).length);
        taken.connections = [...(taken.connections ?? []), connection];
      }
      return states;
    }`,
    ports.udp,
    ports.tcp,
  );
  expect(states).toEqual([0, 0]);
  // Attempts that are under way end with a failure, or never begin.
  await page.run(`() => Promise.all(taken.connections.map((connection) => new Promise((resolve) => {
    const look = () => ["failed", "disconnected", "closed"].includes(connection.iceConnectionState) && resolve();
    connection.oniceconnectionstatechange = look;
    look();
    setTimeout(resolve, 1000);
  })))`);
  expect(arrived).toEqual([]);
});

test("no request, connection or look-up reaches an address, whatever makes it", async () => {
  await page.run(
    `async (tcp, udp) => {
      const results = [];
      for (const host of ["127.0.0.1", "localhost"]) {
        const at = host + ":" + tcp;
        const attempts = [
          () => fetch("http://" + at + "/fetch"),
          () => fetch("http://" + at + "/", { mode: "no-cors", keepalive: true }),
          () => navigator.sendBeacon("http://" + at + "/beacon", "x"),
          () => new Promise((resolve) => { const socket = new WebSocket("ws://" + at); socket.onerror = socket.onopen = resolve; }),
          () => new Promise((resolve) => { const source = new EventSource("http://" + at); source.onerror = () => { source.close(); resolve(); }; }),
          () => new Promise((resolve) => { const request = new XMLHttpRequest(); request.onloadend = resolve; request.open("GET", "http://" + at); request.send(); }),
          () => new WebTransport("https://" + host + ":" + udp + "/").ready,
          () => new Worker("http://" + at + "/worker.js"),
          () => navigator.serviceWorker.register("app://distill/worker.js"),
          () => navigator.serviceWorker.register("http://" + at + "/worker.js"),
          () => import("http://" + at + "/module.js"),
          () => document.fonts.add(new FontFace("x", "url(http://" + at + "/font)")) ?? document.fonts.load("1px x"),
          () => { document.cookie = "x=1; domain=" + host; },
        ];
        for (const [tag, attributes] of [
          ["img", { src: "http://" + at + "/img" }], ["script", { src: "http://" + at + "/script" }], ["iframe", { src: "http://" + at + "/frame" }],
          ["object", { data: "http://" + at + "/object" }], ["embed", { src: "http://" + at + "/embed" }], ["video", { src: "http://" + at + "/video" }],
          ["link", { rel: "stylesheet", href: "http://" + at + "/style" }], ["link", { rel: "prefetch", href: "http://" + at + "/prefetch" }],
          ["link", { rel: "preload", as: "image", href: "http://" + at + "/preload" }], ["link", { rel: "modulepreload", href: "http://" + at + "/modulepreload" }],
          ["link", { rel: "preconnect", href: "http://" + at }], ["link", { rel: "dns-prefetch", href: "http://" + at }], ["link", { rel: "prerender", href: "http://" + at }],
          ["link", { rel: "icon", href: "http://" + at + "/icon" }], ["link", { rel: "manifest", href: "http://" + at + "/manifest" }],
          ["meta", { httpEquiv: "refresh", content: "0; url=http://" + at + "/refresh" }], ["base", { href: "http://" + at }],
          ["script", { type: "speculationrules", textContent: JSON.stringify({ prefetch: [{ source: "list", urls: ["http://" + at + "/rules"] }], prerender: [{ source: "list", urls: ["http://" + at] }] }) }],
        ]) attempts.push(() => { document.head.append(Object.assign(document.createElement(tag), attributes)); });
        attempts.push(() => { const form = Object.assign(document.createElement("form"), { action: "http://" + at + "/form", method: "post" }); document.body.append(form); form.submit(); });
        attempts.push(() => { const a = Object.assign(document.createElement("a"), { href: "app://distill/index.html#x", ping: "http://" + at + "/ping" }); document.body.append(a); a.click(); });
        const patient = (promise) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 2000))]);
        results.push(...await Promise.allSettled(attempts.map((attempt) => patient((async () => attempt())()))));
      }
      return results.length;
    }`,
    ports.tcp,
    ports.udp,
  );
  expect(arrived).toEqual([]);
  expect(await page.run("() => navigator.serviceWorker.getRegistrations().then((all) => all.length, () => 0)")).toBe(0);
  await page.page.reload();
  page = await TakenOverPage.of(page.app);
});

// ---- The browser --------------------------------------------------------------------------------------------------------------------

test("goes to no other place, opens no window, and loads nothing in a frame", async () => {
  const here = page.page.url();
  for (const url of [
    "file:///etc/passwd",
    "data:text/html,<h1>x",
    `http://127.0.0.1:${ports.tcp}/`,
    "https://example.com/",
    "mailto:a@b.c",
    "ssh://127.0.0.1",
    "devtools://devtools/bundled/inspector.html",
    "chrome://version",
    "javascript:document.title='x'",
    "app://other/",
    "blob:app://distill/x",
  ]) {
    await page.run(
      `async (url) => {
        try { open(url); } catch {}
        try { location.href = url; } catch {}
        const frame = Object.assign(document.createElement("iframe"), { src: url });
        document.body.append(frame);
        const a = Object.assign(document.createElement("a"), { href: url, target: "_blank" });
        document.body.append(a);
        a.click();
        await new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 300); });
        frame.remove();
      }`,
      url,
    );
    expect(page.page.url(), url).toBe(here);
    expect(await page.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length), url).toBe(1);
  }
  expect(await page.run("() => document.title")).toBe("Distill Studio");
  expect(arrived).toEqual([]);
});

test("serves nothing beside the bundled page", async () => {
  const urls = [
    "app://distill/../../package.json",
    "app://distill/..%2f..%2fpackage.json",
    "app://distill/..%2f..%2fnode_modules%2fcommander%2findex.js",
    "app://distill/%2e%2e/%2e%2e/package.json",
    "app://distill/..%5c..%5cpackage.json",
    "app://distill/%00",
    "app://distill//etc/passwd",
    "app://other/index.html",
  ];
  // In a window without the page's policy, which would not even let it ask.
  const codes = await page.app.evaluate(async ({ BrowserWindow }, urls) => {
    const window = new BrowserWindow({ show: false });
    const codes: number[] = [];
    window.webContents.on("did-navigate", (_event, _url, code) => codes.push(code));
    for (const url of urls) await window.loadURL(url).catch(() => codes.push(404));
    window.destroy();
    return codes;
  }, urls);
  expect(codes.filter((code) => code !== 404)).toEqual([]);
});

test("runs no script but the bundled ones", async () => {
  const ran = await page.run(`async () => {
    const load = (source) => new Promise((resolve) => {
      const script = Object.assign(document.createElement("script"), source, { onload: resolve, onerror: resolve });
      document.head.append(script);
      if (source.textContent) resolve();
    });
    await load({ textContent: "window.inline = 1" });
    await load({ src: URL.createObjectURL(new Blob(["window.blob = 1"])) });
    await load({ src: "data:text/javascript,window.data=1" });
    for (const make of [() => eval("window.evaluated = 1"), () => Function("window.made = 1")(), () => setTimeout("window.timed = 1")]) try { make(); } catch {}
    document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.handler = 1'>");
    await new Promise((resolve) => setTimeout(resolve, 100));
    return ["inline", "blob", "data", "evaluated", "made", "timed", "handler"].filter((name) => name in window);
  }`);
  expect(ran).toEqual([]);
});

test("saves no download", async () => {
  await page.app.evaluate(({ session }) => {
    const prevented: boolean[] = [];
    Object.assign(globalThis, { downloads: prevented });
    session.defaultSession.on("will-download", ({ defaultPrevented }) => prevented.push(defaultPrevented));
  });
  await page.run(`() => {
    const a = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob(["x"])), download: "x.sh" });
    document.body.append(a);
    a.click();
  }`);
  const downloads = () => page.app.evaluate(() => (globalThis as { downloads?: boolean[] }).downloads!);
  await expect.poll(downloads, { timeout: PATIENCE_MS }).toEqual([true]);
});

test("gets no device and no permission, and does not take the whole screen", async () => {
  const refused = await page.run<Record<string, boolean>>(`async () => {
    const attempts = {
      camera: () => navigator.mediaDevices.getUserMedia({ video: true }),
      microphone: () => navigator.mediaDevices.getUserMedia({ audio: true }),
      screen: () => navigator.mediaDevices.getDisplayMedia({ video: true }),
      desktop: () => navigator.mediaDevices.getUserMedia({ video: { mandatory: { chromeMediaSource: "desktop" } } }),
      location: () => new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject)),
      clipboard: () => navigator.clipboard.readText(),
      midi: () => navigator.requestMIDIAccess({ sysex: true }),
      usb: () => navigator.usb.requestDevice({ filters: [] }),
      hid: () => navigator.hid.requestDevice({ filters: [] }).then((devices) => devices.length || Promise.reject()),
      serial: () => navigator.serial.requestPort(),
      bluetooth: () => navigator.bluetooth.requestDevice({ acceptAllDevices: true }),
      notifications: () => Notification.requestPermission().then((answer) => answer === "granted" || Promise.reject()),
      pointer: () => document.body.requestPointerLock() ?? new Promise((resolve, reject) => { document.onpointerlockchange = resolve; document.onpointerlockerror = reject; }),
      idle: () => IdleDetector.requestPermission().then((answer) => answer === "granted" || Promise.reject()),
      storage: () => navigator.storage.persist().then((granted) => granted || Promise.reject()),
      files: () => showOpenFilePicker(),
    };
    const refused = {};
    for (const [name, attempt] of Object.entries(attempts)) refused[name] = await Promise.race([(async () => attempt())().then(() => false, () => true), new Promise((resolve) => setTimeout(resolve, 3000, null))]);
    return refused;
  }`);
  expect(refused).toEqual(Object.fromEntries(Object.keys(refused).map((name) => [name, true])));
  // There is no radio here: what the app does when one has found something.
  const bluetooth = await page.app.evaluate(({ BrowserWindow }) => {
    const chosen: unknown[] = [];
    const event = { preventDefault: () => chosen.push("not the first") };
    BrowserWindow.getAllWindows()[0]!.webContents.emit("select-bluetooth-device", event, [{ deviceId: "near" }], (id: string) => chosen.push(id));
    return chosen;
  });
  expect(bluetooth).toEqual(["not the first", ""]);
  await page.run("() => void document.body.requestFullscreen().catch(() => {})");
  expect(await page.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isFullScreen())).toBe(false);
});
