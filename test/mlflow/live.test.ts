/**
 * With a real tracking server, where the Python in DISTILL_PYTHON has MLflow; read back by its own client. test/python-requirements.txt leaves it out: beside
 * what that lists, `pip install mlflow-skinny==3.17.2 flask flask-cors sqlalchemy alembic graphene pandas huey`, which is all that this needs, took 47 s on two busy
 * processors and 190 MB, and `mlflow` itself 109 s and 660 MB (pip, nothing cached, November 2026).
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { distill } from "../cli/distill";
import { noPython, python } from "../python";
import { comparisonIn } from "./small-comparison";

const READ = `
import json, sys, mlflow
client = mlflow.MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name("demo")
def shown(run):
    history = {key: [[m.step, m.value] for m in client.get_metric_history(run.info.run_id, key)] for key in run.data.metrics}
    return {"id": run.info.run_id, "name": run.info.run_name, "status": run.info.status, "parent": run.data.tags.get("mlflow.parentRunId"), "tags": run.data.tags,
            "params": run.data.params, "history": history, "files": sorted(f.path for f in client.list_artifacts(run.info.run_id))}
print(json.dumps([shown(run) for run in client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])]))
`;

interface Shown {
  id: string;
  name: string;
  status: string;
  parent: string | null;
  tags: Record<string, string>;
  params: Record<string, string>;
  history: Record<string, [number, number][]>;
  files: string[];
}

const reason = noPython("mlflow", "mlflow.server");

describe.skipIf(reason !== null)(`on a real server${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
  let folder: string;
  let server: ChildProcess;
  let address: string;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "mlflow-"));
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    const store = ["--backend-store-uri", `sqlite:///${folder}/db.sqlite`, "--artifacts-destination", path.join(folder, "artifacts")];
    const args = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port), "--workers", "1", ...store];
    server = spawn(python, args, { stdio: "ignore", detached: true, cwd: folder });
    await vi.waitUntil(async () => (await fetch(`${address}/health`).catch(() => null))?.ok ?? false, { timeout: 100_000 });
  }, 120_000);

  afterAll(() => {
    try {
      process.kill(-server.pid!, "SIGKILL");
    } catch {}
    rmSync(folder, { recursive: true, force: true });
  });

  const read = (): Shown[] => {
    const { stdout, stderr } = spawnSync(python, ["-c", READ, address], { encoding: "utf8" });
    expect(stdout, stderr).not.toBe("");
    return JSON.parse(stdout) as Shown[];
  };

  /** Columns of batches.csv by their names. */
  function batchesIn(arm: string): Record<string, number[]> {
    const [header = "", ...lines] = readFileSync(path.join(folder, "runs/first", arm, "batches.csv"), "utf8")
      .trim()
      .split("\n");
    return Object.fromEntries(header.split(",").map((name, i) => [name, lines.map((line) => Number(line.split(",")[i]))]));
  }

  test("MLflow's client reads every value of a comparison, once, however often it is sent", async () => {
    const trained = await distill([...comparisonIn(folder, 1), "--mlflow", address], folder);
    expect(trained.status, trained.err).toBe(0);
    expect(trained.err).not.toContain("MLflow is not told");
    const first = read();
    const [parent, ...arms] = [...first.filter((run) => !run.parent), ...first.filter((run) => run.parent)];
    expect(parent).toMatchObject({ name: "first", status: "FINISHED", parent: null, files: ["report.html"], tags: { "distill.controlled": "true" } });
    expect(Object.keys(parent!.history)).toContain("difference/test_acc");
    expect(arms.map(({ name }) => name).sort()).toEqual(["control", "student"]);
    for (const { name, status, parent: above, params, history, files } of arms) {
      expect([status, above, files]).toEqual(["FINISHED", parent!.id, ["recipe.json"]]);
      expect(params).toMatchObject({ "train.batchSize": "64", "data.trainLimit": "256" });
      const { loss, lr, iter } = batchesIn(name);
      expect(history["batch/loss"]).toEqual(loss!.map((value, i) => [i + 1, value]));
      expect(history["batch/lr"]).toEqual(lr!.map((value, i) => [i + 1, value]));
      expect(history["epoch/test_acc"]!.map(([step]) => step)).toEqual([4, 8, 12]);
      expect(iter).toHaveLength(12);
    }
    const again = await distill(["report", "--format", "mlflow", "--to", address, "--runs", "runs/first"], folder);
    expect(again.status, again.err).toBe(0);
    const histories = (runs: Shown[]) => runs.filter(({ parent }) => parent).map(({ history }) => history);
    expect(histories(read())).toEqual(histories(first));
  }, 180_000);
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const holder = createServer().listen(0, "127.0.0.1", () => {
      const { port } = holder.address() as { port: number };
      holder.close(() => resolve(port));
    });
  });
}
