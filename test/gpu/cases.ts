// Every case of test/ops/cases.json as calls for the driver, forward and backward: in fp32, and in each way in which its op stores bf16.
import { backend, fromArray, scope, type Tensor } from "../../src-main/tensor/tensor";
import { type Bf16Case, bf16Cases, type Case, CUDA_TOLERANCES, cases, inBf16, inputTensors, outputGradient, resultTensors } from "../ops/cases";
import { product } from "../reference/formula";
import { type RecordedCalls, recordCalls } from "./recorded-calls";
import { LARGE_TILES } from "./sizes";

/** Ops that copy from the host when called, which cannot be recorded. */
const NEVER_RECORDED = ["adamw", "sgd", "accumulate", "clipNorm", "assembleBatch"];

/** Limit on the elements of all inputs of a case that is small enough for a sanitizer. */
const SMALL = 6000;

/** By file name in test/gpu/calls: the small cases of each op, and the others. */
export const caseFiles: Record<string, () => string> = {};
const all = [...cases, ...bf16Cases, ...LARGE_TILES, ...LARGE_TILES.flatMap(inBf16)];
for (const op of new Set(all.map(({ op }) => op))) {
  const [small, large] = [(test: Case) => elements(test) <= SMALL, (test: Case) => elements(test) > SMALL];
  for (const [size, selected] of Object.entries({ small, large })) {
    const tests = all.filter((test) => test.op === op && selected(test));
    if (tests.length > 0) caseFiles[`${size}-cases/${op}`] = () => tests.map(caseCalls).join("");
  }
}

/** Of all inputs together. */
export function elements({ inputs }: Case): number {
  return Object.values(inputs).reduce((sum, { shape }) => sum + product(shape), 0);
}

/** The op and its gradient are recorded and replayed where possible; the driver also plays them without recording. */
export function caseCalls(test: Case | Bf16Case): string {
  return recordCalls(titleOf(test), (calls) => {
    const isRecorded = !NEVER_RECORDED.includes(test.op);
    calls.add(`compare ${CUDA_TOLERANCES["stored" in test ? "bf16" : "fp32"]} 0${isRecorded ? " bits" : ""}`);
    scope(() => {
      const inputs = numbersOf(test, calls);
      const work = () => resultTensors(test, inputs, (y) => calls.beforeRecording(() => gradientOf(test, y, calls)));
      const results = isRecorded ? recorded(work) : work();
      for (const [name, tensor] of Object.entries(results)) calls.read(tensor, name);
    });
  });
}

/** "linear: one row; x y in bf16" */
export function titleOf(test: Case | Bf16Case): string {
  return "stored" in test ? `${test.name}; ${test.stored.join(" ")} in bf16` : test.name;
}

export function numbersOf(test: Case | Bf16Case, calls: RecordedCalls): Record<string, Tensor> {
  return inputTensors(test, (name, { shape, dtype, ...formula }, floats) => calls.numbers(dtype ?? floats, shape, { ...formula, of: `${test.name}/${name}` }));
}

export function gradientOf(test: Case | Bf16Case, y: Tensor, calls: RecordedCalls): Tensor {
  if (test.dy) return fromArray(outputGradient(test, y.size), y.shape, y.dtype as "f32" | "bf16");
  return calls.numbers(y.dtype, y.shape, { of: `${test.name}/dy` });
}

function recorded<T>(work: () => T): T {
  backend().beginRecording();
  const result = work();
  backend().replay(backend().endRecording());
  return result;
}
