import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte({ configFile: false })],
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Tests leave the user's cache of decoded images alone.
    env: { DISTILL_CACHE: "off" },
    // The longest without a time of its own takes 36 seconds on a quiet machine with two cores, and took 155 where other programs ran as well.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Measured on request, over what the tests in test/renderer reach: vitest run test/renderer --coverage --no-isolate
    coverage: {
      provider: "v8",
      include: ["src-renderer/{state,charts}/**"],
      reporter: [["text", { skipFull: true }]],
      reportsDirectory: "test-results/coverage",
      thresholds: { "src-renderer/state/**": { lines: 80 }, "src-renderer/charts/**": { lines: 80 } },
    },
    reporters: ["default", "./build/test-counts.mjs"],
  },
});
