import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The addon whose files for AVX-512, AVX512_BF16 and AMX are compiled for AVX2, with emulated tiles (native/cpu/lowered). */
export const loweredPath = fileURLToPath(new URL("../../native/build/Release/distill_core_lowered.node", import.meta.url));

/** Why it is not there; null if it is. */
export const noLowered = existsSync(loweredPath) ? null : "run by `npm test` on x86 with g++, which builds the addon for it";
