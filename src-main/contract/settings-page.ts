/** docs/settings.md, from the tables of settings. */
import { type ObjectiveInfo, objectives, shortForm, termSettings } from "./objectives";
import { expectation, type Setting, textOfValue } from "./setting";
import { otherTeacherRows, sections, settingKeys, settings } from "./settings";

/** The page as Markdown. A test keeps the file equal to it. */
export function settingsPage(): string {
  const topLevel = settingKeys.filter((key) => !key.includes("."));
  return `# Settings of a recipe

Every key of a recipe, with its default. A recipe names what differs from the defaults; \`--set key=value\` sets one key on the command line. The
app's form shows the same settings. *May change on resuming* marks those that a resumed run may have otherwise than at its start.

This page is written from the table in \`src-main/contract/settings.ts\`: \`npx vitest run test/contract/settings-page.test.ts --update\`.

## Top level

${table(topLevel.map((key) => [key, settings[key]]))}

${Object.entries(sections)
  .filter(([name]) => name !== "control")
  .map(([name, { label, nullable }]) => section(name, label, nullable))
  .join("\n\n")}

### Several teachers

\`teacher.others\` is a list of more teachers, each with the keys of the first and a weight, such as
\`{ "model": "resnet20_cifar10", "weights": "bundled", "weight": 0.5 }\`. The student learns from the weighted mean of all logits, which is the
weighted geometric mean of the class probabilities at any temperature (Hinton et al. 2015). Features come from the first teacher, and the accuracy that
is reported for the teacher is the first one's. On the command line, \`--set teacher.others.0.model=resnet20_cifar10\` adds one.

${table([["teacher.others.0.weight", otherTeacherRows.weight!]])}

## Control

\`control.train\` takes the keys of \`train\`: what the control of a comparison does differently. Seed, epochs, batches, batch size, shuffling and precision are always shared.
A comparison whose control has settings of its own is called "tuned separately", as its difference is not the teacher's alone. The verb \`train\` trains one
arm and leaves \`control\` out.

## Objectives

\`distillation.terms\` is a list of one or more of these, such as \`{ "kind": "soft", "weight": 0.62, "temperature": 0.212 }\`. The loss is the weighted sum of the
cross-entropy with the labels (\`distillation.labels\`) and the terms. On the command line, \`--set distillation.terms.0.kind=dkd\` changes the first term,
which then has the defaults of its new kind, and \`--set distillation.terms.1.kind=locality\` adds a second one; a short form is expanded first.

${Object.entries(objectives as Record<string, ObjectiveInfo>)
  .map(([kind, info]) => objective(kind, info))
  .join("\n\n")}

### Short form

\`"distillation": { "kind": "soft", "temperature": T, "alpha": A }\` stands for labels of weight 1 - A and one term of soft labels of weight A.

${table(Object.entries(shortForm).map(([name, row]) => [`distillation.${name}`, row]))}
`;
}

function section(name: string, label: string, nullable: boolean): string {
  const rows = settingKeys.filter((key) => key.startsWith(`${name}.`)).map((key) => [key, settings[key]] as const);
  return `## ${label}\n\n${nullable ? `\`${name}\` may be null, which is its default.\n\n` : ""}${table(rows)}`;
}

function objective(kind: string, { label, help, parts }: ObjectiveInfo): string {
  const columns = Object.keys(parts).map((part) => `\`${part}_loss\``);
  const rows = Object.entries(termSettings(kind as keyof typeof objectives));
  return `### \`${kind}\`: ${label}\n\n${help} Recorded as ${columns.join(" and ")} in batches.csv.\n\n${table(rows)}`;
}

function table(rows: readonly (readonly [key: string, row: Setting])[]): string {
  const lines = rows.map(
    ([key, row]) => `| \`${key}\` | ${row.label}. ${row.help}${notes(row)} | ${takes(row)}${row.unit ? `; ${row.unit}` : ""} | ${defaultInWords(row)} |`,
  );
  return ["| key | what it is | takes | default |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

function takes(row: Setting): string {
  return row.kind === "model" ? "the name of a [model](models.md)" : expectation(row);
}

function notes({ applies, resumable }: Setting): string {
  return `${applies ? ` For ${applies.text} only.` : ""}${resumable ? " *May change on resuming.*" : ""}`;
}

function defaultInWords(row: Setting): string {
  if ("required" in row) return "must be named";
  if ("defaultOf" in row) return "the model's own";
  return row.default === null ? "null" : `\`${textOfValue(row.default)}\``;
}
