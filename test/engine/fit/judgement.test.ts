import { describe, expect, test } from "vitest";
import type { NoticeBody } from "../../../src-main/contract/notices";
import { couldBeShown, decide, temperatureOf } from "../../../src-main/engine/fit/judgement";

const labelsOf = (count: number) => Int32Array.from({ length: count }, (_, n) => n % 2);

/** Logits of two classes, of a network that is wrong on these images. */
function logitsOf(count: number, wrong: readonly number[], sureness = 2): Float32Array {
  const logits = new Float32Array(2 * count);
  for (const [n, label] of labelsOf(count).entries()) logits[2 * n + (wrong.includes(n) ? 1 - label : label)] = sureness;
  return logits;
}

const answers = (count: number, wrong: readonly number[]) => ({ validation: logitsOf(count, wrong), temperature: null, test: new Float32Array() });
const range = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i);

describe("a temperature", () => {
  const fitTo = (count: number, wrong: readonly number[]) => {
    const said: NoticeBody[] = [];
    return { temperature: temperatureOf(logitsOf(count, wrong), labelsOf(count), 2, "the last layer", (notice) => said.push(notice)), said };
  };

  test("is fitted to 60 images, and not to 59", () => {
    // 15 of 60 wrong: softmax gives the others 3/4 at 2 / ln 3.
    expect(fitTo(60, range(0, 15)).temperature).toBeCloseTo(2 / Math.log(3), 6);
    expect(fitTo(59, range(0, 15))).toEqual({ temperature: null, said: [] });
  });

  test("is fitted where six answers are wrong; with fewer none is, which is said", () => {
    expect(fitTo(60, range(0, 6)).temperature).not.toBeNull();
    const said = (text: string) => [
      {
        type: "note",
        text: `no temperature is fitted to the last layer: of these 60 images ${text}, and it takes 6 wrong answers to tell how sure the teacher may be`,
      },
    ];
    expect(fitTo(60, range(0, 5))).toEqual({ temperature: null, said: said("only 5 are classified wrongly") });
    expect(fitTo(60, [7])).toEqual({ temperature: null, said: said("only 1 is classified wrongly") });
    expect(fitTo(60, [])).toEqual({ temperature: null, said: said("none is classified wrongly") });
  });

  test("is not stored where most are wrong, which is said", () => {
    const { temperature, said } = fitTo(60, range(0, 40));
    expect(temperature).toBeNull();
    expect(said).toEqual([{ type: "warning", text: expect.stringContaining("20 are classified correctly): the fit ended at 20, so none is stored") }]);
  });
});

describe("fine-tuning", () => {
  const decision = (count: number, lastLayer: readonly number[], fineTuned: readonly number[]) =>
    decide(answers(count, lastLayer), answers(count, fineTuned), labelsOf(count), 2).decision;

  test("has to be better on six of few images, or more where it is worse on some", () => {
    expect(decision(14, range(0, 6), [])).toBe("beyond chance");
    expect(decision(14, range(0, 5), [])).toBe("within chance");
    expect(decision(30, range(0, 9), [20])).toBe("beyond chance");
    expect(decision(30, range(0, 8), [20, 21])).toBe("within chance");
    expect(decision(30, [], range(0, 9))).toBe("within chance");
  });

  test("is judged by its loss where many choose", () => {
    expect(decision(60, [0, 1], [0])).toBe("lower loss");
    expect(decision(60, [0], [0])).toBe("not lower loss");
  });

  test("is compared at temperatures only if both networks have one", () => {
    const network = (wrong: number, sureness: number, temperature: number | null) => {
      return { validation: logitsOf(60, range(0, wrong), sureness), temperature, test: new Float32Array() };
    };
    // At its temperature, a network that is too sure of six wrong answers has a lower loss than one that is sure of five.
    expect(decide(network(5, 4, null), network(6, 6, 2.73), labelsOf(60), 2).decision).toBe("not lower loss");
    expect(decide(network(5, 4, 1), network(6, 6, 2.73), labelsOf(60), 2).decision).toBe("lower loss");
  });

  test("is not begun where few images could not show that it helps", () => {
    const could = (count: number, wrong: readonly number[]) => couldBeShown(logitsOf(count, wrong), labelsOf(count), 2);
    expect([could(14, range(0, 5)), could(14, range(0, 6)), could(60, [])]).toEqual([false, true, true]);
  });
});
