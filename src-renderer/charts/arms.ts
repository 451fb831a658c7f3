import type { ArmName } from "../../src-main/contract/run";

/** Each arm keeps its name and colour on every screen. */
export const armLook: Record<ArmName, { name: string; color: string }> = {
  control: { name: "Control", color: "--control" },
  student: { name: "Student", color: "--student" },
  single: { name: "Model", color: "--student" },
};
