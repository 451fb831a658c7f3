import path from "node:path";
import { describe, expect, test } from "vitest";
import { cyclesIn, type Import, importsOf, type Layers, layerProblems, readSources } from "./layers";

/** What each folder imports from. A folder imports only from folders above it in this list. "(types)": only types, nothing at run time. */
const table: Layers = {
  "src-main/contract": [],
  "src-main/disk": ["contract"],
  "src-main/download": ["contract", "disk"],
  "src-main/hub": ["contract", "disk", "download"],
  "src-main/machine": ["contract"],
  "src-main/pickle": [],
  "src-main/protobuf": [],
  "src-main/tensorboard": ["contract", "disk", "protobuf"],
  "src-main/mlflow": ["contract", "download", "tensorboard"],
  "src-main/backend": ["contract", "machine"],
  "src-main/tensor": ["backend (types)"],
  "src-main/onnx": ["protobuf (types)", "backend (types)", "tensor"],
  "src-main/nn": ["backend (types)", "tensor", "onnx"],
  "src-main/models": ["contract", "disk", "pickle", "protobuf", "tensor", "onnx", "nn"],
  "src-main/data": ["contract", "disk", "download", "machine", "pickle", "tensor"],
  "src-main/training": ["contract", "disk", "backend (types)", "tensor", "nn", "models", "data"],
  "src-main/runs": ["contract", "disk", "machine", "tensorboard", "backend (types)", "tensor", "training"],
  "src-main/export": ["contract", "disk", "protobuf", "tensor", "onnx", "models", "data", "runs", "training"],
  "src-main/bench": ["contract", "backend (types)", "tensor", "models", "training"],
  "src-main/engine-client": ["contract"],
  "src-main/engine": [
    "contract",
    "disk",
    "hub",
    "download (types)",
    "machine",
    "backend",
    "tensor",
    "models",
    "data",
    "training",
    "runs",
    "export",
    "bench",
    "engine-client",
  ],
  "src-main/host": ["contract", "engine-client (types)"],
  "src-main/app": ["contract", "disk", "engine-client", "host"],
  "src-main/server": ["contract", "disk", "engine-client", "host"],
  "src-main/ray": ["contract", "disk", "download"],
  "src-main/cli": ["contract", "mlflow", "tensorboard", "engine-client", "server", "ray"],
  "src-renderer/bridge": ["contract", "engine-client/client", "engine-client/channel"],
  "src-renderer/state": ["contract", "engine-client/client", "src-renderer/bridge (types)"],
  "src-renderer/parts": ["contract (types)", "src-renderer/state"],
  "src-renderer/charts": ["contract", "src-renderer/state"],
  "src-renderer/views": ["contract", "src-renderer/state", "src-renderer/parts", "src-renderer/charts"],
  "src-renderer/browser": [
    "contract",
    "engine-client/client",
    "engine-client/channel (types)",
    "engine-client/packed",
    "src-renderer/bridge",
    "src-renderer/state",
    "src-renderer/parts",
  ],
  "src-renderer": ["src-renderer/bridge", "src-renderer/state", "src-renderer/parts", "src-renderer/views", "src-renderer/browser"],
};

const sources = readSources(path.resolve(__dirname, ".."), ["src-main", "src-renderer"]);
const imports = importsOf(sources);

test("folders import exactly what the table lists", () => {
  expect(layerProblems([...sources.keys()], imports, completed(table))).toEqual([]);
});

test("no files import each other in a cycle, not even types", () => {
  expect(cyclesIn(imports)).toEqual([]);
});

test.each(["src-main/contract", "src-renderer"])("%s does not use Node", (folder) => {
  expect(imports.filter(({ from, to }) => from.startsWith(`${folder}/`) && /^(node:|electron$)/.test(to))).toEqual([]);
});

test("zod reaches the page only as contract/zod.ts configures it", () => {
  const reachesPage = ({ from }: Import) => /^(src-main\/(contract|engine-client)|src-renderer)\//.test(from);
  expect(imports.filter((each) => each.to === "zod" && reachesPage(each)).map(({ from }) => from)).toEqual(["src-main/contract/zod.ts"]);
});

/** The folders of src-main go by their own names. */
function completed(layers: Layers): Layers {
  const full = (name: string) => (name.startsWith("src-") ? name : `src-main/${name}`);
  return Object.fromEntries(Object.entries(layers).map(([layer, names]) => [layer, names.map(full)]));
}

describe("the rules, on made-up files", () => {
  const read = (files: Record<string, string>) => importsOf(new Map(Object.entries(files)));
  const layers: Layers = { low: [], high: ["low"] };
  const problemsOf = (files: Record<string, string>, table: Layers = layers) => layerProblems(Object.keys(files), read(files), table);

  test("reads every form of import, and nothing that only looks like one", () => {
    const text = `
      import a from "./a";
      import "./b";
      import type { C } from "./c";
      import { type D } from "./d";
      export * from "./e";
      export type { F } from "./f";
      const g = () => import("./g");
      type H = import("./h").H;
      const i = require("./i");
      import j from "./j.py?raw";
      import { k } from "node:k";
      // import l from "./l";
      const m = 'import m from "./m"';
    `;
    const found = read({ "high/file.ts": text, "high/a.ts": "", "high/b/index.ts": "" });
    expect(found.filter(({ types }) => !types).map(({ to }) => to)).toEqual([
      "high/a.ts",
      "high/b/index.ts",
      "high/d",
      "high/e",
      "high/g",
      "high/i",
      "high/j.py",
      "node:k",
    ]);
    expect(found.filter(({ types }) => types).map(({ to }) => to)).toEqual(["high/c", "high/f", "high/h"]);
    expect(found.filter((each) => each.package).map(({ to }) => to)).toEqual(["node:k"]);
  });

  test("reads all scripts of a component", () => {
    const component = `
      <script module>import a from "./a.svelte";</script>
      <script lang="ts">import type { B } from "./b.svelte";</script>
      <p>import c from "./c"</p>`;
    const found = read({ "high/X.svelte": component, "high/a.svelte": "", "high/b.svelte.ts": "" });
    expect(found.map(({ to, types }) => [to, types])).toEqual([
      ["high/a.svelte", false],
      ["high/b.svelte.ts", true],
    ]);
  });

  test("reports a cycle once, type imports included, without files that only lead into it", () => {
    const files = { "a.ts": 'import "./b"', "b.ts": 'import type { C } from "./c"', "c.ts": 'export * from "./a"', "d.ts": 'import "./a"' };
    expect(cyclesIn(read(files))).toEqual(["a.ts -> b.ts -> c.ts -> a.ts"]);
    expect(cyclesIn(read({ ...files, "c.ts": "" }))).toEqual([]);
  });

  test("reports both of two cycles through one file", () => {
    const files = { "a.ts": 'import "./b"; import "./c"', "b.ts": 'import "./a"', "c.ts": 'import "./a"' };
    expect(cyclesIn(read(files))).toEqual(["a.ts -> b.ts -> a.ts", "c.ts -> a.ts -> c.ts"]);
  });

  const useful = { "high/a.ts": 'import "../low/b"; import "./c"; import "c"; import "../package.json"', "low/b.ts": "" };

  test("accepts imports that the table lists", () => {
    expect(problemsOf(useful)).toEqual([]);
  });

  test("an import that the table does not list", () => {
    expect(problemsOf({ ...useful, "low/b.ts": 'import "../high/a"' })).toEqual(["low/b.ts imports high/a.ts: the table does not list it for low"]);
  });

  test("a file in no layer", () => {
    expect(problemsOf({ ...useful, "other/d.ts": "" })).toEqual(["other/d.ts is in no layer of the table"]);
  });

  test("an edge that no file uses", () => {
    expect(problemsOf({ "high/a.ts": 'import "./c"' })).toEqual(["high -> low: no file uses this edge; take it out of the table"]);
  });

  test("an edge that only types use, or that is declared as types only but used by code", () => {
    expect(problemsOf({ "high/a.ts": 'import type { B } from "../low/b"' })).toEqual(['high -> low: only types are imported; write "low (types)"']);
    expect(problemsOf(useful, { low: [], high: ["low (types)"] })).toEqual(["high/a.ts imports low/b.ts as code: the table allows high its types only"]);
  });

  test("an edge that leads upwards, or nowhere", () => {
    const upwards = { low: ["high"], high: ["low", "lower"] };
    expect(problemsOf({ ...useful, "low/b.ts": 'import "../high/a"' }, upwards)).toEqual([
      "low -> high: the table has no layer high above low",
      "high -> lower: the table has no layer lower above high",
    ]);
  });

  test("an edge to one file of a layer allows no other", () => {
    const narrow = { low: [], high: ["low/b"] };
    expect(problemsOf(useful, narrow)).toEqual([]);
    expect(problemsOf({ "high/a.ts": 'import "../low/b"; import "../low/c"' }, narrow)).toEqual([
      "high/a.ts imports low/c: the table does not list it for high",
    ]);
  });
});
