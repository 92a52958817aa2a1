import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeNode, judgeOpenFiles } from "../../src/doctor/process-check.ts";

const versions: readonly (readonly [version: string, verdict: string, advised: string | null])[] = [
  ["24.22.1", "ok", null],
  ["24.23.0", "ok", null],
  ["26.12.1", "ok", null],
  ["27.0.0", "ok", null],
  ["24.21.0", "warn", "24.22.1"],
  ["24.22.0", "warn", "24.22.1"],
  ["26.11.9", "warn", "26.12.1"],
  ["25.9.0", "warn", "26.12.1"],
];
for (const [version, verdict, advised] of versions) {
  test(`Node ${version} is ${verdict}${advised ? `, and ${advised} is advised` : ""}`, () => {
    const found = judgeNode(version);

    assert.equal(found.verdict, verdict);
    assert.equal(/Node (\d+\.\d+\.\d+) or newer/.exec(found.remedy ?? "")?.[1] ?? null, advised);
  });
}

test("the doctor fails a limit of open files that a hundred clients reach, and says how to raise it", () => {
  assert.equal(judgeOpenFiles(256, 40).verdict, "fail");
  assert.match(judgeOpenFiles(256, 40).remedy ?? "", /LimitNOFILE/);
  assert.equal(judgeOpenFiles(1_024, 40).verdict, "warn");
  assert.equal(judgeOpenFiles(65_536, 40).verdict, "ok");
});
