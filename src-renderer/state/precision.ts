import { type Arithmetic, unmetInWords } from "../../src-main/contract/arithmetic";
import type { DoctorReport } from "../../src-main/contract/doctor";
import type { Recipe } from "../../src-main/contract/recipe";
import { labelOf } from "./form";

/** The precision in which the recipe of the form would be trained on this computer. */
export class Precision {
  /** `computer` gives null until the engine has reported it. */
  constructor(
    private readonly recipe: () => Recipe,
    private readonly computer: () => DoctorReport | null,
  ) {}

  /** What would be chosen on this computer; null while that is not known. */
  get chosen(): Arithmetic | null {
    return this.computer()?.arithmetic[this.recipe().device === "cuda" ? "cuda" : "cpu"] ?? null;
  }

  /** In what a run would compute here: "fp32 (automatic)"; null while that is not known. */
  get inWords(): string | null {
    const { precision } = this.recipe().train;
    if (precision !== "auto") return precision;
    return this.chosen && `${this.chosen.precision} (automatic)`;
  }

  /** That this computer cannot multiply as the form asks, in words; null if it can, or if that is not known. */
  get unmet(): string | null {
    const words = this.chosen && unmetInWords(this.recipe(), this.chosen.machine);
    return words === null ? null : words.replace("train.bf16Products is bf16", `${labelOf("train.bf16Products", this.recipe())} is set to 16-bit numbers`);
  }
}
