/** Runs for a tracking server of MLflow: what the engine reads of their folders. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import packageJson from "../../package.json";
import type { Method, Methods } from "../contract/engine";
import type { ListedRun, RunDetails } from "../contract/run";
import type { Folders } from "../mlflow/follow";
import type { Family, Subject } from "../mlflow/send";

type Ask = <M extends Method>(method: M, params: Methods[M]["params"]) => Promise<Methods[M]["result"]>;

export function foldersBy(ask: Ask): Folders {
  return {
    subject: async (directory) => subjectIn(ask, directory),
    summary: (directory) => ask("comparison", { directory }),
    report: async (directory) => {
      const folder = mkdtempSync(path.join(tmpdir(), "distill-report-"));
      try {
        const { path: page } = await ask("report", { runs: [directory], format: "html", out: path.join(folder, "report.html") });
        return readFileSync(page);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

async function subjectIn(ask: Ask, directory: string): Promise<Subject> {
  const run = await ask("readRun", { directory });
  const [listed] = await ask("listRuns", { directory });
  const { parent, kind, name } = placeOf(run, listed?.sweep ?? null);
  const family = parent === null ? null : await familyIn(ask, parent, kind);
  return { run, key: keyOf(run), name, family, version: packageJson.version };
}

/** Where a run belongs, and what it is called there. */
function placeOf({ arm, directory, recipe }: RunDetails, sweep: ListedRun["sweep"]): { parent: string | null; kind: Family["kind"]; name: string } {
  const name = path.basename(directory);
  const folder = path.dirname(directory);
  if (arm !== "single" && sweep) return { parent: sweep.directory, kind: "sweep", name: `${arm}, seed ${recipe.train.seed}` };
  if (arm !== "single") return { parent: folder, kind: "comparison", name: arm };
  const isTrial = /^trial-\d+$/.test(name) && existsSync(path.join(folder, "request.json"));
  return { parent: isTrial ? folder : null, kind: "search", name };
}

async function familyIn(ask: Ask, directory: string, kind: Family["kind"]): Promise<Family> {
  const first = (await ask("listRuns", { directory })).filter(({ started }) => started !== "").at(-1)!;
  return { key: keyOf(first), name: path.basename(directory), directory, kind, start: Date.parse(first.started) };
}

/** Runs of earlier versions have no identity. */
const keyOf = ({ id, started, arm }: Pick<RunDetails, "id" | "started" | "arm">) => id ?? `${arm} of ${started}`;
