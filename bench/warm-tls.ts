// How fast does a blob that is already here come over TLS 1.3, by HTTP/1.1 and by HTTP/2?

import { makeCertificate } from "../test/support/certificate.ts";
import type { Running } from "./support/contestant.ts";
import { contestantsOf } from "./support/contestants.ts";
import { type CurlTls, curlPull } from "./support/curl.ts";
import { type PlacedBlob, placeBlob } from "./support/origin.ts";
import { playWarm } from "./support/play-warm.ts";
import { pullBlobVerified } from "./support/pull-verified.ts";
import type { Bench, Question, Target } from "./support/question.ts";
import type { Reading } from "./support/scoreboard.ts";

const targets: readonly Target[] = [{ of: "nginx", kind: "at least", value: 0.95 }];

const [firstLabel, secondLabel] = ["warm blob, TLS, HTTP/1.1", "warm blob, TLS, HTTP/2"];

export const warmTls: Question = {
  name: "warm-tls",
  rows: [
    { label: firstLabel, unit: "GB/s", decimals: 2, targets },
    { label: secondLabel, unit: "GB/s", decimals: 2, targets },
  ],
  play,
};

async function play(bench: Bench): Promise<void> {
  const { lab, origin } = bench;
  const blob = await placeBlob(origin, { name: "warm", sizeBytes: bench.size.blobBytes });
  const certificate = await makeCertificate(await lab.makeDirectory("certificate"));
  const installed = new Set(bench.contestants.map(({ name }) => name));
  await playWarm(bench, {
    contestants: contestantsOf(lab, certificate).filter(({ name }) => installed.has(name)),
    originUrl: origin.url,
    verify: (server) => pullBlobVerified(lab, server, blob),
    measure: (server) => measure(bench, server, blob),
  });
}

async function measure(bench: Bench, server: Running, blob: PlacedBlob): Promise<Reading> {
  const speed = async (http: CurlTls["http"]): Promise<number> => {
    const { bytes, seconds } = await curlPull({
      url: server.url + blob.path,
      sizeBytes: blob.sizeBytes,
      times: 1,
      tls: { caFile: server.caFile ?? "", http },
      signal: bench.lab.signal,
    });
    return bytes / 1e9 / seconds;
  };
  return { [firstLabel]: await speed("1.1"), [secondLabel]: await speed("2") };
}
