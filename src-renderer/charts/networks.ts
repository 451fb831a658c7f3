import type { ExampleNetwork } from "../state/examples.svelte";
import { armLook } from "./arms";

/** The teacher keeps its name and colour as arms do. */
export const networkLook = (network: ExampleNetwork) => (network === "teacher" ? { name: "Teacher", color: "--teacher" } : armLook[network]);
