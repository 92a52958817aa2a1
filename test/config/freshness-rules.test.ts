import assert from "node:assert/strict";
import { test } from "node:test";
import { problemLines } from "./reading.ts";

/** The problems of rules, one a line from line 3. */
async function ruleProblems(...rules: readonly string[]): Promise<string[]> {
  const rows = rules.map((rule) => `    - { ${rule} }\n`);
  const lines = await problemLines(`freshness:\n  rules:\n${rows.join("")}`);
  return lines.map((line) => line.replace("mirror.config.yaml:", "").replace("freshness.", ""));
}

test("a rule says each thing once, and nothing that another of its keys makes void", async () => {
  assert.deepEqual(
    await ruleProblems(
      'match: "*:v*", immutable: true, negativeTtl: 1m, store: true',
      'match: "quay.io/evil/*:old", deny: no more',
      'match: "docker.io/nightly/*", store: false',
      'match: "docker.io/library/*"',
    ),
    [],
  );
  assert.deepEqual(
    await ruleProblems(
      'match: "a/*", deny: no more, ttl: 1m, store: true',
      'match: "a/*", store: false, immutable: true',
      'match: "a/*", immutable: true, staleIfError: 1d',
      'match: "a/*:nightly", store: false',
    ),
    [
      "3:38 rules[0].ttl: deny refuses all that matches; remove ttl beside it",
      "3:47 rules[0].store: deny refuses all that matches; remove store beside it",
      "4:37 rules[1].immutable: what is not stored is asked of upstream each time; remove immutable beside store: false",
      "5:40 rules[2].staleIfError: an immutable tag is never asked again; remove staleIfError beside it",
      "6:9 rules[3].match: store: false is about layers too, which have no tag; match repositories, as in docker.io/nightly/*",
    ],
  );
});

test("every problem of a rule is told with its place and what is right", async () => {
  assert.deepEqual(
    await ruleProblems(
      "ttl: 1m",
      'match: "a/[b", ttl: soon',
      'match: "*", deny: ""',
      'match: "*", tl: 1m',
      'match: "*", store: "no"',
    ),
    [
      "3:7 rules[0].match: is missing; write for example docker.io/library/*:latest",
      '4:16 rules[1].match: "a/[b" is not a pattern of images; write for example docker.io/library/*:latest',
      '4:29 rules[1].ttl: "soon" is not a duration; write for example 7d (units: ms, s, m, h, d)',
      '5:27 rules[2].deny: "" is not a sentence of at most 300 characters on one line; write for example use quay.io/good/* instead',
      '6:21 rules[3].tl: unknown key; did you mean "ttl"?',
      '7:28 rules[4].store: "no" is not true or false; write for example true',
    ],
  );
});

test("there are 500 rules at most", async () => {
  const rules = Array.from({ length: 501 }, (_, at) => `match: "a.example/r${at}:*", ttl: 1m`);
  assert.deepEqual(await ruleProblems(...rules), ["3:5 rules: has more than 500 rules"]);
  assert.deepEqual(await ruleProblems(...rules.slice(1)), []);
});
