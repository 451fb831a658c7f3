// A vitest reporter that writes how many tests passed, failed and were skipped, and why, to the file that DISTILL_TEST_COUNTS names.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

export default class TestCounts {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.DISTILL_TEST_COUNTS;
    if (!file) return;
    // A file that cannot be loaded has no tests, so the file itself counts as failed, as does an error outside of tests.
    const counts = { passed: 0, failed: unhandledErrors.length, skips: [] };
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed++;
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        if (state === "passed") counts.passed++;
        else if (state === "failed") counts.failed++;
        else counts.skips.push({ name: test.fullName, reason: note ?? "no reason given" });
      }
    }
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(counts));
  }
}
