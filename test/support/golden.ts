import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import type { DoctorAnswer } from "../../src/admin/routes/doctor.ts";
import type { Finding } from "../../src/doctor/finding.ts";

/**
 * Output that is a promise to its users has to be what lies in a file of the repository. After a change that is meant,
 * `SLUICE_UPDATE_GOLDEN=1` writes the files anew; read their difference before it is committed.
 */
export async function assertGolden(file: URL, text: string): Promise<void> {
  if (process.env["SLUICE_UPDATE_GOLDEN"] === "1") await writeFile(file, text);
  assert.equal(text, await readFile(file, "utf8"));
}

/**
 * JSON without what is of one run or one machine, of the same shape still: ports of 127.0.0.1 are 5000, what is below
 * `directory` is below /var/lib/sluice, what the disk holds and has left is 0 bytes, requests took no time, and what the
 * doctor finds out about the machine is one finding a subject, which says nothing. All else has to be given by the test: the clock by the mirror
 * it starts, sizes by its images.
 */
export function withoutVolatile(json: string, directory: string): string {
  return withoutMachine(json)
    .replaceAll(directory, "/var/lib/sluice")
    .replaceAll(/\b127\.0\.0\.1:\d+/g, "127.0.0.1:5000")
    .replaceAll(/("(?:usedBytes|spareBytes)": ?)-?\d+/g, "$10")
    .replaceAll(/("p(?:50|99)Ms": ?)[\d.]+/g, "$10");
}

// Node and its open files, the disk, and how far this machine's clock is from that of the test.
const ofTheMachine = ["process", "storage", "clock"];

function withoutMachine(json: string): string {
  if (!json.startsWith('{\n  "findings": [')) return json;
  const { findings }: DoctorAnswer = JSON.parse(json);
  const subjects = new Set<string>();
  const kept = findings.flatMap((finding): Finding[] => {
    const { subject } = finding;
    if (!ofTheMachine.includes(subject)) return [finding];
    if (subjects.has(subject)) return [];
    subjects.add(subject);
    return [{ subject, verdict: "ok", found: "what this machine has", remedy: null }];
  });
  return `${JSON.stringify({ findings: kept }, null, 2)}\n`;
}
