/** Reads the imports of source files with the TypeScript compiler, and checks them against a table of layers. Paths are relative, with "/". */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** Source texts by path. */
export type Sources = ReadonlyMap<string, string>;

export interface Import {
  /** The file that imports. */
  from: string;
  /** A file, or the name of a package: "zod", "node:fs". */
  to: string;
  package: boolean;
  /** `import type` or the like: nothing of it remains at run time. */
  types: boolean;
}

/**
 * For each layer (a folder, or a file without its extension), from the lowest up, the layers or files that it imports from. "(types)" after
 * a name: only types. A file belongs to the first layer that contains it.
 */
export type Layers = Readonly<Record<string, readonly string[]>>;

export function readSources(root: string, folders: readonly string[]): Sources {
  const files = folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|svelte|mts|js)$/.test(name))
      .map((name) => path.posix.join(folder, name.replaceAll(path.sep, "/"))),
  );
  return new Map(files.map((file) => [file, readFileSync(path.join(root, file), "utf8")]));
}

// ---- Imports ----------------------------------------------------------------------------------------------------------------------

/** Every import, `export ... from`, `import()` and `require()` whose module is named by a string literal. */
export function importsOf(sources: Sources): Import[] {
  return [...sources].flatMap(([from, text]) =>
    scriptsOf(from, text)
      .flatMap((script) => modulesIn(ts.createSourceFile(`${from}.ts`, script, ts.ScriptTarget.Latest)))
      .map(({ specifier, types }) => ({ from, to: resolve(from, specifier, sources), package: !specifier.startsWith("."), types })),
  );
}

function scriptsOf(file: string, text: string): string[] {
  return file.endsWith(".svelte") ? [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, script]) => script!) : [text];
}

interface Named {
  specifier: string;
  types: boolean;
}

function modulesIn(node: ts.Node): Named[] {
  const named = moduleNamedBy(node);
  const nested: Named[] = [];
  ts.forEachChild(node, (child) => void nested.push(...modulesIn(child)));
  return named ? [named, ...nested] : nested;
}

function moduleNamedBy(node: ts.Node): Named | null {
  // `import { type A }` is not `import type`: the module itself is still loaded.
  if (ts.isImportDeclaration(node)) return named(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
  if (ts.isExportDeclaration(node)) return named(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return named(node.argument.literal, true);
  const loads = ts.isCallExpression(node) && (node.expression.kind === ts.SyntaxKind.ImportKeyword || isNamedRequire(node.expression));
  return loads ? named(node.arguments[0], false) : null;
}

function isNamedRequire(callee: ts.Expression): boolean {
  return ts.isIdentifier(callee) && callee.text === "require";
}

function named(specifier: ts.Node | undefined, types: boolean): Named | null {
  return specifier && ts.isStringLiteralLike(specifier) ? { specifier: specifier.text, types } : null;
}

/** The file that a relative specifier stands for; a package stays its name. */
function resolve(from: string, specifier: string, sources: Sources): string {
  if (!specifier.startsWith(".")) return specifier;
  // Vite takes "?raw" and the like.
  const target = path.posix.join(path.posix.dirname(from), specifier.replace(/\?.*$/, ""));
  return [target, `${target}.ts`, `${target}/index.ts`].find((file) => sources.has(file)) ?? target;
}

// ---- Cycles -----------------------------------------------------------------------------------------------------------------------

const arrow = (from: string, to: string) => `${from} -> ${to}`;

/** The shortest cycle through each file that is on one, type imports included: "a.ts -> b.ts -> a.ts". */
export function cyclesIn(imports: readonly Import[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const cycles = new Map<string, string>();
  for (const start of targets.keys()) {
    const cycle = shortestCycle(start, targets);
    if (cycle) cycles.set([...cycle].sort().join(), cycles.get([...cycle].sort().join()) ?? [...cycle, start].reduce(arrow));
  }
  return [...cycles.values()];
}

/** The files on the way from `start` back to it, `start` first. */
function shortestCycle(start: string, targets: ReadonlyMap<string, readonly string[]>): string[] | null {
  const before = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const target of targets.get(file) ?? []) {
      if (target === start) return wayTo(file, before);
      if (before.has(target)) continue;
      before.set(target, file);
      queue.push(target);
    }
  }
  return null;
}

function wayTo(file: string, before: ReadonlyMap<string, string>): string[] {
  const earlier = before.get(file);
  return earlier === undefined ? [file] : [...wayTo(earlier, before), file];
}

// ---- Layers -----------------------------------------------------------------------------------------------------------------------

interface Edge {
  layer: string;
  target: string;
  types: boolean;
  used: Import[];
}

/** Any layer may read its version. */
const MANIFEST = "package.json";

/** Differences between files and table: files in no layer, imports that the table does not list, and listed edges that no import uses. */
export function layerProblems(files: readonly string[], imports: readonly Import[], layers: Layers): string[] {
  const names = Object.keys(layers);
  const edges = names.flatMap((layer) => layers[layer]!.map((text) => edgeOf(layer, text)));
  const layerOf = (file: string) => names.find((name) => isIn(file, name));
  const problems = files.filter((file) => !layerOf(file)).map((file) => `${file} is in no layer of the table`);
  for (const each of imports) {
    const layer = layerOf(each.from);
    if (each.package || each.to === MANIFEST || !layer || layerOf(each.to) === layer) continue;
    const edge = edges.find((edge) => edge.layer === layer && isIn(each.to, edge.target));
    edge?.used.push(each);
    if (!edge) problems.push(`${each.from} imports ${each.to}: the table does not list it for ${layer}`);
    else if (edge.types && !each.types) problems.push(`${each.from} imports ${each.to} as code: the table allows ${layer} its types only`);
  }
  return [...problems, ...edges.flatMap((edge) => edgeProblems(edge, names))];
}

function edgeOf(layer: string, text: string): Edge {
  const target = text.replace(" (types)", "");
  return { layer, target, types: target !== text, used: [] };
}

function edgeProblems({ layer, target, types, used }: Edge, names: readonly string[]): string[] {
  const edge = arrow(layer, target);
  const above = names.slice(0, names.indexOf(layer)).some((name) => isIn(target, name));
  if (!above) return [`${edge}: the table has no layer ${target} above ${layer}`];
  if (used.length === 0) return [`${edge}: no file uses this edge; take it out of the table`];
  return !types && used.every((each) => each.types) ? [`${edge}: only types are imported; write "${target} (types)"`] : [];
}

/** Whether a file or layer is the named one or lies in it. */
function isIn(file: string, name: string): boolean {
  return file === name || file.startsWith(`${name}/`) || file === `${name}.ts`;
}
