import { basename, isAbsolute } from "node:path";
import type { FineTuning, FittedTeacher } from "../../contract/fitted-teacher";
import { sentence } from "../../contract/sentence";
import { chosenInWords, fineTuningInWords, mostConfused, noBetterInWords } from "../../contract/teacher";
import { documentOf } from "./document";
import { html, type Markup } from "./markup";
import { withNames } from "./places";

/** The page on a teacher that was made of a backbone with a linear head on it. */
export function teacherPage(fitted: FittedTeacher): string {
  const { weights } = fitted.backbone;
  const found = withNames(fitted, new Map([[fitted.directory, ""], ...(isAbsolute(weights) ? [[weights, basename(weights)] as const] : [])]));
  const { teacher, backbone, images, test, classes, directory: _, ...rest } = found;
  const none = noBetterInWords(found);
  const title = `Teacher: ${teacher.model}`;
  const content = html`<section>
<header><h1>${title}</h1><p class="muted">${classes.length} classes · a linear last layer on ${backbone.features} features of the weights ${backbone.weights}, at ${teacher.imageSize} px</p></header>
<p class="${none === null ? "verdict" : "verdict pending"}"><b>${percent(test.accuracy)}</b> of the ${images.test} test images are classified correctly.${none === null ? null : ` ${none}`}</p>
${rest.warnings.map((text) => html`<p class="verdict pending">${sentence(text)}.</p>`)}
<p>${chosenInWords(found)}${images.mirrored ? " The last layer has seen each training image mirrored too." : null}</p>
<h2>How good its probabilities are</h2>
${figuresTable(found)}
${rest.fineTuning ? html`<h2>Fine-tuning</h2><p>${fineTuningInWords(rest.fineTuning, found)}</p>${fineTuningTable(rest.fineTuning)}` : null}
${rest.trials.length > 0 ? html`<h2>Weight decays that were tried</h2>${trialsTable(found)}` : null}
<h2>Classes taken for others</h2>
${confusedText(found)}
${confusionTable(found)}
</section>`;
  return documentOf(title, content, { id: "teacher", data: { teacher, backbone, images, test, classes, ...rest } });
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function figuresTable({ test, validation, temperature }: FittedTeacher): Markup {
  const rows = [
    { name: "Test images", figures: test },
    ...(validation ? [{ name: "Validation images, to which the network behind these figures was not fitted", figures: validation }] : []),
  ];
  const at = temperature === null ? null : html`<th scope="col">loss at temperature ${temperature.toFixed(2)}</th><th scope="col">calibration error</th>`;
  return html`<table class="answers">
<thead><tr><th scope="col"></th><th scope="col">accuracy</th><th scope="col">loss</th><th scope="col">calibration error</th>${at}</tr></thead>
<tbody>${rows.map(
    ({ name, figures: { accuracy, loss, calibrationError, calibrated } }) =>
      html`<tr><th scope="row">${name}</th><td>${percent(accuracy)}</td><td>${loss.toFixed(4)}</td><td>${percent(calibrationError)}</td>${calibrated && html`<td>${calibrated.loss.toFixed(4)}</td><td>${percent(calibrated.calibrationError)}</td>`}</tr>`,
  )}</tbody>
</table>`;
}

function fineTuningTable({ lastLayer, fineTuned }: FineTuning): Markup {
  const rows = [{ name: "Last layer alone", of: lastLayer }, ...(fineTuned ? [{ name: "Fine-tuned", of: fineTuned }] : [])];
  return html`<table class="answers">
<thead><tr><th scope="col"></th><th scope="col">validation accuracy</th><th scope="col">validation loss</th><th scope="col">loss at its temperature</th><th scope="col">temperature</th><th scope="col">test accuracy</th></tr></thead>
<tbody>${rows.map(
    ({ name, of: { validation, temperature, testAccuracy } }) =>
      html`<tr><th scope="row">${name}</th><td>${percent(validation.accuracy)}</td><td>${validation.loss.toFixed(4)}</td><td>${validation.calibrated?.loss.toFixed(4) ?? "–"}</td><td>${temperature?.toFixed(2) ?? "–"}</td><td>${percent(testAccuracy)}</td></tr>`,
  )}</tbody>
</table>`;
}

function trialsTable({ trials, decay: chosen }: FittedTeacher): Markup {
  return html`<table class="answers">
<thead><tr><th scope="col">weight decay</th><th scope="col">validation accuracy</th><th scope="col">validation loss</th></tr></thead>
<tbody>${trials.map(({ decay, accuracy, loss }) => html`<tr${decay === chosen ? html` class="difference"` : null}><th scope="row">${decay}</th><td>${percent(accuracy)}</td><td>${loss.toFixed(4)}</td></tr>`)}</tbody>
</table>`;
}

const CONFUSIONS = 5;

function confusedText({ test, classes }: FittedTeacher): Markup {
  const pairs = mostConfused(test.confusion, CONFUSIONS);
  if (pairs.length === 0) return html`<p>None on the test images.</p>`;
  return html`<p>Most often: ${pairs.map(({ label, predicted, images }, i) => `${i > 0 ? "; " : ""}${classes[label]} for ${classes[predicted]} (${images})`)}.</p>`;
}

/** Rows are true classes. */
function confusionTable({ test: { confusion, perClass }, classes }: FittedTeacher): Markup {
  return html`<table class="answers">
<thead><tr><th scope="col">is, and is taken for</th>${classes.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">found</th></tr></thead>
<tbody>${confusion.map(
    (row, label) =>
      html`<tr><th scope="row">${classes[label]!}</th>${row.map((count) => html`<td>${count === 0 ? "" : count}</td>`)}<td>${perClass[label]!.recall === null ? "–" : percent(perClass[label]!.recall!)}</td></tr>`,
  )}</tbody>
</table>`;
}
