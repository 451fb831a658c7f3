/** What teacher, control and student answer to the same few test images: soft labels as a person can read them. */
import { dirname } from "node:path";
import { armLabel, type ComparedArm, comparedArms } from "../../contract/arms";
import { InputError } from "../../contract/failure";
import type { RunDetails } from "../../contract/run";
import { type Predictions, predictionFiles, readPredictions } from "../predictions";
import { html, type Markup } from "./markup";

export interface Example {
  /** Its number among the test images, or its path in the data's folder. */
  image: string;
  label: string;
  /** Of the networks that have one, each class with its probability, the likeliest first. */
  answers: { [network in "teacher" | ComparedArm]?: { name: string; probability: number }[] };
}

const MOST = 6;
/** Classes of each answer. */
const SHOWN = 3;

/** Of the comparison of these arms; none where no answers of its teacher are kept, or not of these images. */
export function examplesOf(runs: readonly RunDetails[]): Example[] {
  const student = runs.find(({ arm }) => arm === "student");
  const teacher = student && answersIn(predictionFiles(dirname(student.directory)).teacher);
  if (!teacher) return [];
  const arms = comparedArms.flatMap((name) => {
    const run = runs.find(({ arm }) => arm === name);
    const answers = run && answersIn(predictionFiles(run.directory).last);
    return answers ? [[name, answers] as const] : [];
  });
  if (arms.length === 0) return [];
  const networks = [["teacher", teacher] as const, ...arms].filter(([, { images }]) => images.length === teacher.images.length);
  return spread(teacher.images.length).map((n) => ({
    image: teacher.images[n]!,
    label: teacher.classes[teacher.labels[n]!]!,
    answers: Object.fromEntries(networks.map(([name, answers]) => [name, likeliest(answers, n)])),
  }));
}

/** What is wrong with a file is told where its figures are missing. */
function answersIn(path: string): Predictions | null {
  try {
    return readPredictions(path);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** Positions of so many images, evenly apart, so that sorted classes are all met. */
const spread = (images: number): number[] => Array.from({ length: Math.min(MOST, images) }, (_, i) => Math.floor((i * images) / Math.min(MOST, images)));

function likeliest({ classes, probabilities }: Predictions, n: number) {
  const row = classes.map((name, k) => ({ name, probability: probabilities[n * classes.length + k]! }));
  return row.sort((a, b) => b.probability - a.probability).slice(0, SHOWN);
}

export function examplesTable(examples: readonly Example[]): Markup | null {
  const [first] = examples;
  if (!first) return null;
  const networks = Object.keys(first.answers) as (keyof Example["answers"])[];
  const heading = (network: (typeof networks)[number]) => (network === "teacher" ? "Teacher" : armLabel(network));
  return html`<h2>Soft labels</h2>
<p class="muted">What each network answers to some of the test images at temperature 1, the likeliest classes first; the image’s own class in bold.</p>
<table class="soft">
<thead><tr><th scope="col">Test image</th>${networks.map((network) => html`<th scope="col"><span class="key ${network}">${heading(network)}</span></th>`)}</tr></thead>
<tbody>${examples.map(
    ({ image, label, answers }) =>
      html`<tr><th scope="row">${label} <span class="muted">${image}</span></th>${networks.map((network) => html`<td>${(answers[network] ?? []).map((answer) => bar(answer, label))}</td>`)}</tr>`,
  )}</tbody>
</table>`;
}

function bar({ name, probability }: { name: string; probability: number }, label: string): Markup {
  const percent = (100 * probability).toFixed(1);
  return html`<span class="answer"><i style="width: ${percent}%"></i>${name === label ? html`<b>${name}</b>` : name} ${percent} %</span>`;
}
