import { beforeAll, test } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import { useBackend } from "../../../src-main/tensor/tensor";
import { goldens } from "./golden";
import { expectGoldenBetween, type StagesCase } from "./stages";

beforeAll(() => useBackend(loadAddon()));

const term = { kind: "attention-transfer", weight: 1, studentStage: null, teacherStage: null } as const;
const cases: StagesCase[] = goldens["attention-transfer"];

test.each(cases)("is PyTorch's: of $student by $teacher", (golden) => expectGoldenBetween(term, golden));
test.each(cases)("of a student in bf16: of $student by $teacher", (golden) => expectGoldenBetween(term, golden, { floats: "bf16", tolerance: 2e-2 }));
