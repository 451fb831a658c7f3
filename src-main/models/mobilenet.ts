import type { EfficientNetArchitecture } from "../contract/families";
import { EfficientNet, lastOfMobile, timmsBlock, timmsNaming } from "./efficientnet";
import type { FamilyCode } from "./family";
import { byRules, type Naming } from "./names";

const DEPTHS = [1, 2, 3, 4, 3, 3, 1];
/** Layers between the stem and the last convolution. */
const LAST = 18;

/** torchvision.models.mobilenetv2.MobileNetV2: all layers in one sequence, those of a block too. */
const torchvision: Naming = {
  whose: "torchvision's",
  words: "features.0 is conv_stem, features.1 to 17 are blocks, classifier.1 is classifier, and so on",
  head: "classifier.1.weight",
  body: "features.0.0.weight",
  toTimm(name) {
    const [, index, rest] = /^features\.(\d+)\.(.*)$/.exec(name) ?? [];
    if (index === undefined) return name.replace(/^classifier\.1\./, "classifier.");
    if (index === "0") return inStem(rest!);
    if (Number(index) === LAST) return inHead(rest!);
    return `${timmsBlock(DEPTHS, Number(index) - 1)}.${(index === "1" ? inSeparable : inInverted)(rest!)}`;
  },
};

const inStem = byRules([/^0\./, "conv_stem."], [/^1\./, "bn1."]);
const inHead = byRules([/^0\./, "conv_head."], [/^1\./, "bn2."]);
const inSeparable = byRules([/^conv\.0\.0\./, "conv_dw."], [/^conv\.0\.1\./, "bn1."], [/^conv\.1\./, "conv_pw."], [/^conv\.2\./, "bn2."]);
const inInverted = byRules(
  [/^conv\.0\.0\./, "conv_pw."],
  [/^conv\.0\.1\./, "bn1."],
  [/^conv\.1\.0\./, "conv_dw."],
  [/^conv\.1\.1\./, "bn2."],
  [/^conv\.2\./, "conv_pwl."],
  [/^conv\.3\./, "bn3."],
);

export const mobilenet: FamilyCode<EfficientNetArchitecture> = {
  create: (name, architecture, shape) => new EfficientNet(name, shape, architecture),
  namings: [timmsNaming, torchvision],
  heads: ["classifier"],
  last: lastOfMobile,
  sizesIn: () => ({}),
};
