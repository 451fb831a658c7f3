/** What `--progress json` writes: a JSON document a line, for programs. docs/progress.md is for who writes such a program. */
import { comparedArms } from "./arms";
import type { BenchRecord } from "./bench";
import type { Failure } from "./failure";
import type { NoticeBody } from "./notices";
import { z } from "./zod";

/** JSON has no NaN and no infinity: a loss that is no number is null on the line. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const figureOrNone = z.number().nullable();
const count = z.int().min(0);
const arm = z.enum(["single", ...comparedArms]);
const secondsLeft = z.number().nullable();

const batchRecord = z.object({
  epoch: count,
  iter: count,
  loss: figure,
  parts: z.record(z.string(), figure),
  trainAcc: figure,
  lr: figure,
  imagesPerSecond: figure,
  chain: z.string().nullable(),
});

const epochRecord = z.object({
  epoch: count,
  trainLoss: figure,
  trainAcc: figure,
  testAcc: figureOrNone,
  testLoss: figureOrNone,
  emaAcc: figureOrNone,
  emaLoss: figureOrNone,
  seconds: figure,
  valAcc: figureOrNone,
  valLoss: figureOrNone,
});

const machineSample = z.object({
  at: z.number(),
  processors: z.number(),
  threads: count,
  tensorBytes: z.number(),
  processBytes: z.number(),
  freeBytes: z.number(),
});

const notice = z.discriminatedUnion("type", [
  z.object({ type: z.literal("phase"), text: z.string() }),
  z.object({ type: z.literal("started"), arm, directory: z.string(), batchesPerEpoch: count, epochs: count }),
  z.object({
    type: z.literal("batches"),
    arm,
    records: z.array(batchRecord),
    progress: z.object({ done: count, total: count, imagesPerSecond: figure, secondsLeft: figure }),
  }),
  z.object({ type: z.literal("epoch"), arm, record: epochRecord }),
  z.object({ type: z.literal("state"), state: z.enum(["running", "paused", "stopping"]) }),
  z.object({ type: z.literal("member"), index: count, total: count, words: z.string(), directory: z.string() }),
  z.object({ type: z.literal("download"), received: count, total: count, secondsLeft }),
  z.object({ type: z.literal("work"), name: z.string(), done: count, total: count, secondsLeft }),
  z.object({ type: z.literal("machine"), sample: machineSample }),
  z.object({ type: z.literal("measured"), record: z.custom<BenchRecord>((value) => typeof value === "object" && value !== null) }),
  z.object({ type: z.literal("warning"), text: z.string() }),
  z.object({ type: z.literal("note"), text: z.string() }),
]) satisfies z.ZodType<NoticeBody>;

/** The verb failed, or a part of it: as `--json` says it, with the command that resumes a run. */
const error = z.object({ type: z.literal("error"), code: z.string(), message: z.string(), resume: z.string().optional() });

/** A line. `time`: ISO 8601; `job`: as in `Notice`. The others are the engine's notices, as they come. */
export const progressEvent = z.intersection(z.object({ time: z.string(), job: z.string().optional() }), z.union([...notice.options, error]));
export type ProgressEvent = z.infer<typeof progressEvent>;
/** Before it is stamped with its time. */
export type ProgressBody = NoticeBody | ({ type: "error"; resume?: string } & Pick<Failure, "code" | "message">);
