import { render } from "svelte/server";
import { beforeEach, expect, test, vi } from "vitest";
import { EXAMPLES_RULE } from "../../../src-main/contract/examples";
import type { Curves } from "../../../src-renderer/state/curves.svelte";
import { Examples } from "../../../src-renderer/state/examples.svelte";
import ExampleStrip from "../../../src-renderer/views/ExampleStrip.svelte";
import { begunCurves, epoch, FakeEngine, failure, fakeBridge, startedEngine } from "../fakes";

beforeEach(() => void vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:picture"));

const words = ({ body }: { body: string }) =>
  body
    .replace(/<[^>]*>/g, " ")
    .replace(/[ \n\t]+/g, " ")
    .replaceAll("&#39;", "’");

const known = {
  classes: ["cat", "dog"],
  images: [
    { name: "0", label: 0 },
    { name: "7", label: 1 },
  ],
  pictures: [new Uint8Array([1]), new Uint8Array([2])],
  teacher: Float64Array.of(0.9, 0.1, 0.2, 0.8) as Float64Array | null,
};
const answers = { control: [0.4, 0.6, 0.3, 0.7], student: [0.75, 0.25, 0.1, 0.9] };

async function shown({
  epochs,
  active = true,
  more = {},
  examples: given = () => known,
}: {
  epochs: number;
  active?: boolean;
  more?: object;
  examples?: () => unknown;
}) {
  const engine = new FakeEngine({
    examples: given,
    exampleAnswers: ({ directory }: { directory: string }) => {
      const own = answers[directory.split("/").at(-1) as keyof typeof answers];
      const is = (given() as typeof known).images.length > 0;
      return is
        ? { epochs: [1, 2].slice(0, epochs), probabilities: Float64Array.from(epochs > 0 ? [...own, ...own].slice(0, 4 * epochs) : []) }
        : { epochs: [], probabilities: new Float64Array(0) };
    },
  });
  const examples = new Examples(await startedEngine(fakeBridge(engine).bridge));
  const curves: Curves = begunCurves(["control", "student"], 2, 5);
  for (const arm of ["control", "student"] as const) for (let number = 1; number <= epochs; number++) curves.addEpoch(arm, epoch(number, 0.5));
  await examples.follow(curves);
  const body = () => render(ExampleStrip, { props: { examples, curves, active, temperature: 2, hasTeacher: true, ...more } }).body;
  return { examples, curves, body };
}

test("each image has its true class, what each network gives it, and whether it is right, in signs and words", async () => {
  const { body } = await shown({ epochs: 2 });
  expect(words({ body: body() })).toMatch(
    /2 test images.*Epoch 2 of 5.*Follow the run.*cat Teacher 90\.0 % ✓ right Control 40\.0 % ✗ dog Student 75\.0 % ✓ right.*dog Teacher 80\.0 % ✓ right Control 70\.0 %/,
  );
  expect(words({ body: body() })).toContain(EXAMPLES_RULE.replace(/'/g, "’"));
  expect(body()).toContain(
    'aria-label="Image 1, cat. Teacher right, true class 90.0 %. Control wrong, says dog, true class 40.0 %. Student right, true class 75.0 %. Open it large."',
  );
  expect(body()).toMatch(/aria-valuetext="Epoch 2 of 5"/);
});

test("the teacher's soft labels at the run's temperature come on request", async () => {
  const { examples, curves, body } = await shown({ epochs: 1, active: false });
  expect(words({ body: body() })).toContain("Bars show the probability of the true class at temperature 1;");
  examples.softened = true;
  // The square roots of 0.9 and 0.1 are 3 : 1.
  expect(words({ body: body() })).toMatch(/Last epoch.*Teacher ?, T = 2 75\.0 %.*at temperature 1, of the teacher at 2;/);
  expect(
    words({
      body: render(ExampleStrip, { props: { examples, curves, active: false, temperature: null, hasTeacher: true } }).body,
    }),
  ).toContain("Teacher 90.0 %");
});

test("one image large has all classes of every network and the course of its true class", async () => {
  const { examples, body } = await shown({ epochs: 2 });
  examples.open = 1;
  expect(words({ body: body() })).toMatch(
    /dog, image 2 of 2 .*Test image 7, counted from 0\. After epoch 2 of 5\. .*Control ✓ right.*dog , the true class 70\.0 % cat 30\.0 %/,
  );
  expect(body()).toContain("Probability of dog: Control epoch 1 70.0 %, epoch 2 70.0 %; Student epoch 1 90.0 %, epoch 2 90.0 %");
});

test("before the first epoch the teacher alone has answered", async () => {
  const { body } = await shown({ epochs: 0 });
  expect(words({ body: body() })).toMatch(
    /Nothing is learned yet: the arms answer after the first epoch\..*Teacher 90\.0 % ✓ right Control – not yet Student – not yet/,
  );
});

test("what a run does not keep is said in words", async () => {
  const nothing = { classes: [], images: [], pictures: [], teacher: null };
  expect(words({ body: (await shown({ epochs: 2, active: false, examples: () => nothing })).body() })).toMatch(
    /keeps no answers to single images: an earlier version/,
  );
  expect(words({ body: (await shown({ epochs: 0, examples: () => nothing })).body() })).toContain("The pictures come with the first epoch.");
  const older = words({ body: (await shown({ epochs: 1, examples: () => ({ ...known, pictures: [], teacher: null }) })).body() });
  expect(older).toMatch(/keeps no pictures of them.*The teacher’s answers are missing/);
  expect(older).not.toContain("Teacher at the run");
});

test("a folder that cannot be read is said, with why", async () => {
  const damaged = () => {
    throw failure("examples.csv is damaged: line 3");
  };
  expect(words({ body: (await shown({ epochs: 1, examples: damaged })).body() })).toContain("The test images cannot be shown. examples.csv is damaged: line 3");
});

test("what another run has is not shown while this one is read", async () => {
  const { examples } = await shown({ epochs: 1 });
  const { body } = render(ExampleStrip, { props: { examples, curves: begunCurves(["control"], 2, 5), active: true, temperature: null, hasTeacher: true } });
  expect(body).not.toContain("blob:picture");
});
