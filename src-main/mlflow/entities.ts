/** What MLflow keeps of a run: metrics, parameters and tags, within the limits of its versions from 2.0 on. */
import { basename } from "node:path";
import type { Recipe } from "../contract/recipe";
import { recipeSettings, resolvePaths } from "../contract/recipe-values";
import type { RunDetails } from "../contract/run";
import type { StepScalars } from "../tensorboard/scalars";

export interface Pair {
  key: string;
  value: string;
}

export interface Metric {
  key: string;
  /** JSON has no other numbers than finite ones. */
  value: number | "NaN" | "Infinity" | "-Infinity";
  /** Milliseconds since 1970. */
  timestamp: number;
  step: number;
}

/** Characters of a parameter's value, which earlier servers refuse beyond. */
const LONGEST_PARAMETER = 500;
const LONGEST_TAG = 5000;
/** Of one call of runs/log-batch. */
const MOST_METRICS = 1000;
export const MOST_PAIRS = 100;

export const tag = (key: string, value: string): Pair => ({ key, value: cut(value, LONGEST_TAG) });

export function metricsOf({ time, step, scalars }: StepScalars): Metric[] {
  return Object.entries(scalars).map(([key, value]) => ({ key, value: inJson(value), timestamp: Math.round(1000 * time), step }));
}

/** Calls of at most 1,000 metrics; those of one step stay together, so that what has arrived ends with a whole step. */
export function* inCalls(steps: Iterable<StepScalars>): Generator<Metric[]> {
  let call: Metric[] = [];
  for (const each of steps) {
    const metrics = metricsOf(each);
    if (call.length > 0 && call.length + metrics.length > MOST_METRICS) {
      yield call;
      call = [];
    }
    call.push(...metrics);
  }
  if (call.length > 0) yield call;
}

/** The recipe, where files and folders have their names without their places. */
export const withoutPlaces = (recipe: Recipe): Recipe => resolvePaths(recipe, (path) => basename(path));

/** The settings of a recipe by their keys. */
export function parametersOf({ recipe }: Pick<RunDetails, "recipe">): Pair[] {
  return recipeSettings(withoutPlaces(recipe)).map(({ key, value }) => ({
    key,
    value: cut(typeof value === "string" ? value : JSON.stringify(value), LONGEST_PARAMETER),
  }));
}

export function tagsOf(run: RunDetails, version: string): Pair[] {
  const { arm, hashes, classes, parameters, teacherTestAcc, arithmetic, evidenceDamage } = run;
  const found: Record<string, string | null | undefined> = {
    arm,
    version,
    "hash.data": hashes.data,
    "hash.initial_weights": hashes.initialWeights,
    "hash.batches": hashes.batches,
    "hash.teacher": hashes.teacher,
    classes: String(classes.length),
    parameters: String(parameters),
    teacher_test_acc: teacherTestAcc === null ? null : String(teacherTestAcc),
    precision: arithmetic ? `${arithmetic.precision}: ${arithmetic.reason}` : run.recipe.train.precision,
    evidence_damage: evidenceDamage,
  };
  return Object.entries(found).flatMap(([name, value]) => (value ? [tag(`distill.${name}`, value)] : []));
}

function inJson(value: number): Metric["value"] {
  return Number.isFinite(value) ? value : (String(value) as "NaN" | "Infinity" | "-Infinity");
}

/** What is cut says so. */
const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 3)}...` : text);
