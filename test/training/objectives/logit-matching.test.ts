import { expect, test } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import { useBackend } from "../../../src-main/tensor/tensor";
import { expectGolden, goldens, type LogitsCase, objectiveOf } from "./golden";

useBackend(loadAddon());

test.each<LogitsCase>(goldens["logit-matching"])("is PyTorch's: $term", (golden) => expectGolden(golden));

test("asks the teacher for its logits alone", () => {
  expect(objectiveOf(goldens["logit-matching"][0].term).needs).toEqual({ teacherLogits: true });
});
