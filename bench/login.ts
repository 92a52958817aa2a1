// What does a login cost a request whose answer is already here?

import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { basic, passwordLine } from "../test/support/login-files.ts";
import type { Contestant } from "./support/contestant.ts";
import { placeImage } from "./support/origin.ts";
import { playWarm } from "./support/play-warm.ts";
import { pullVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import { sluice, startSluice } from "./support/sluice.ts";
import { wrk } from "./support/wrk.ts";

const row = "warm manifest by tag, logged in";

export const login: Question = {
  name: "login",
  rows: [
    {
      label: row,
      unit: "req/s",
      decimals: 0,
      targets: [{ of: "without-logins", kind: "at least", value: 0.9 }],
    },
  ],
  play,
};

const user = { name: "alice", password: "correct horse battery staple" };

/** sluice where users log in, against itself where nobody does. The first login of all is hashed, the others remembered. */
async function play(bench: Bench): Promise<void> {
  const { lab, origin, size } = bench;
  const { signal } = lab;
  const home = await lab.keep(await mkdtempDisposable(join(tmpdir(), "sluice-login-")));
  const htpasswd = join(home.path, "htpasswd");
  await writeFile(htpasswd, passwordLine(user.name, user.password, 10));
  const withLogins: Contestant = {
    ...sluice(lab),
    start: (originUrl) => startSluice(lab, originUrl, { server: { auth: { htpasswd } } }),
  };
  const without: Contestant = { ...sluice(lab), name: "without-logins" };
  const image = await placeImage(origin, "login");
  // Sent to both, so that reading it costs both the same.
  const headers = { ...image.headers, authorization: basic(user.name, user.password) };
  await playWarm(bench, {
    contestants: [withLogins, without],
    originUrl: origin.url,
    verify: ({ url }) =>
      pullVerified({ url: url + image.tagPath, digest: image.digest, headers, signal }),
    measure: async ({ url }) => ({
      [row]: await wrk({ url: url + image.tagPath, seconds: size.wrkSeconds, headers, signal }),
    }),
  });
}
