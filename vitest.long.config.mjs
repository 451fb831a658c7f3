// npm run test:long: what takes too long for every change. Its figures are in docs/results.md.
import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vitest.config.mjs";

const config = mergeConfig(base, defineConfig({ test: { testTimeout: 4 * 3_600_000, reporters: ["verbose"] } }));
config.test.include = ["test/long/*.long.ts"];
export default config;
