import { type ArmName, armLabel, comparedArms } from "../../src-main/contract/arms";

interface ArmLook {
  name: string;
  /** A custom property. */
  color: string;
}

/** Each arm keeps its name and colour on every screen. */
export const armLook = {
  ...Object.fromEntries(comparedArms.map((arm) => [arm, { name: armLabel(arm), color: `--${arm}` }])),
  single: { name: "Model", color: "--student" },
} as Record<ArmName, ArmLook>;
