/** docs/models.md, from the table of families. */
import { type Family, families, modelNames, stagesOf } from "./families";
import { CIFAR10_NORMALIZATION, IMAGENET_NORMALIZATION, type Normalization } from "./normalization";

/** The page as Markdown. A test keeps the file equal to it. */
export function modelsPage(): string {
  return `# Models

Each of these ${modelNames.length} networks can be student or teacher, with any number of classes from 2. Names, names of parameters and initial distributions are timm's, where timm has the
model, and so are the logits: those of tests, with weights by formula, differ by at most 1e-4. \`npx distill doctor\` lists the models too. [weights.md](weights.md)
says which files of weights can be read.

- *Parameters* are counted with 10 classes, at the model's own sizes.
- *Images* is the model's own size in pixels, and *patches* the side of its patches. Networks without patches take images of other sizes with the same weights. Those
  with patches have a position for each: for images of another size than weights were trained at, positions are resampled as timm does, which is said.
- *Normalised* says how images are normalised where weights do not say it: with CIFAR-10's or ImageNet's mean and deviation, or by 0.5, to -1 ... 1.
- *Stages* are the places whose activations feature guidance, attention transfer and locality guidance can take.

This page is written from the table in \`src-main/contract/families.ts\`: \`npx vitest run test/contract/models-page.test.ts --update\`.

${Object.values(families as Record<string, Family>)
  .map(section)
  .join("\n\n")}
`;
}

function section({ label, paper, models, normalization }: Family): string {
  const rows = models.map(
    ({ name, description, imageSize, patchSize, parameters, ...own }) =>
      `| \`${name}\` | ${description} | ${imageSize} | ${patchSize ?? ""} | ${parameters.toLocaleString("en")} | ${inWords(own.normalization ?? normalization)} |`,
  );
  const { name } = models[0]!;
  const stages = stagesOf(name).map((stage) => `\`${stage.name}\``);
  return `## ${label}

${paper}. Stages of \`${name}\`: ${stages.join(", ")}.

| model | | images | patches | parameters | normalised |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}`;
}

function inWords(normalization: Normalization): string {
  if (normalization === CIFAR10_NORMALIZATION) return "CIFAR-10's";
  return normalization === IMAGENET_NORMALIZATION ? "ImageNet's" : "0.5";
}
