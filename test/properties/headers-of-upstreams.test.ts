import assert from "node:assert/strict";
import { validateHeaderValue } from "node:http";
import { test } from "node:test";
import fc from "fast-check";
import type { PullOutcome, TagAge } from "../../src/mirror/pull-outcome.ts";
import { parseContentRange } from "../../src/oci/byte-range.ts";
import { DistributionError } from "../../src/oci/distribution-error.ts";
import { manifestMediaTypes } from "../../src/oci/manifest.ts";
import { cacheStatus, failedStatus } from "../../src/server/cache-status.ts";
import { reasonPhrase } from "../../src/server/reason-phrase.ts";
import { printable } from "../../src/telemetry/printable.ts";
import { pullLimitIn } from "../../src/upstream/accounts/pull-limit.ts";
import { retryAfterMs } from "../../src/upstream/accounts/retry-after.ts";
import { mediaTypeOf } from "../../src/upstream/media-type.ts";
import { nextQuery } from "../../src/upstream/next-link.ts";
import { nextPage } from "../../src/upstream/tag-list.ts";
import { preferredChallenge } from "../../src/upstream/tokens/challenge.ts";
import { toldCacheStatus } from "../../src/upstream/told-cache-status.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { anyText, foreignText, oddLetters, textOf, textOfPieces } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";

/** What a header may hold between quotes. */
const visible = Array.from({ length: 0x7f - 0x20 }, (_, at) => String.fromCharCode(0x20 + at));
const sentence = textOf(visible.join(""), 40);
const token = textOf("abZ09-_.!", 8);
const plain = { noNullPrototype: true } as const;

const otherChallenge = fc.oneof(
  token.map((scheme) => `x-${scheme}`),
  fc.tuple(token, token, sentence).map(([scheme, name, value]) => {
    return `x-${scheme} ${name}x=${quoted(value)}`;
  }),
);

test("a Bearer challenge is found among others, with what stands in its quotes", async () => {
  const around = fc.array(otherChallenge, { maxLength: 3 });
  const gap = fc.constantFrom(",", ", ", " , ", ",,");
  await holds(
    fc.property(
      around,
      around,
      sentence,
      fc.option(sentence),
      gap,
      (before, after, realm, service, separator) => {
        const parameters = [`realm=${quoted(realm)}`, `scope="a:b,c"`];
        if (service !== null) parameters.push(`service = ${quoted(service)}`);
        const header = [...before, `bEarer ${parameters.join(",")}`, ...after].join(separator);

        assert.deepEqual(preferredChallenge(header), { kind: "bearer", realm, service });
      },
    ),
  );
});

test("whatever stands in WWW-Authenticate, a challenge names a realm that stands in it", async () => {
  await holds(
    fc.property(foreignText('bearer basic realm="\\,= ', 80), (header) => {
      const challenge = preferredChallenge(header);
      if (challenge?.kind !== "bearer") return;
      assert.notEqual(challenge.realm, "");
      // Less what escapes: every letter of it comes from the header, in its order.
      assert.ok(isWithin(challenge.realm, header));
    }),
  );
});

const page = fc.record(
  { n: fc.option(token), last: fc.option(token), next_page: fc.option(token) },
  plain,
);

test("the next page of a list is what its link names, behind whatever other links", async () => {
  const other = fc.tuple(token, token).map(([path, rel]) => `</${path}?last=no>; rel="x${rel}"`);
  const base = fc.constantFrom("", "/v2/a/tags/list", "https://registry.example/v2/a/tags/list");
  await holds(
    fc.property(page, base, fc.array(other, { maxLength: 3 }), (named, path, others) => {
      const parameters = Object.entries(named).filter(([, value]) => value !== null);
      const query = new URLSearchParams(parameters as [string, string][]);
      const header = [...others, `<${path}?${query}>; rel="next"`].join(", ");

      assert.equal(nextQuery(header)?.toString(), query.toString());
      const { n, last, next_page: token } = named;
      const leads = last !== null || token !== null;
      assert.deepEqual(nextPage(header), leads ? { n, last, token } : null);
    }),
  );
});

test("whatever stands in Link, a next page has a name or is none", async () => {
  await holds(
    fc.property(foreignText('<>;rel="next",?last=&/: ', 60), (header) => {
      const next = nextPage(header);
      assert.ok(next === null || next.last || next.token);
    }),
  );
});

const limitMs = 300_000;

test("Retry-After asks for its seconds, or until its date, and never for more than the limit", async () => {
  const now = fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true });
  await holds(
    fc.property(now, fc.nat(1_000_000), (at, seconds) => {
      const nowMs = at.getTime();
      const date = new Date(nowMs + seconds * 1000);
      const untilMs = Math.floor(date.getTime() / 1000) * 1000;

      assert.equal(
        retryAfterMs(String(seconds), nowMs, limitMs),
        Math.min(seconds * 1000, limitMs),
      );
      assert.equal(
        retryAfterMs(date.toUTCString(), nowMs, limitMs),
        Math.min(Math.max(untilMs - nowMs, 0), limitMs),
      );
    }),
  );
  await holds(
    fc.property(foreignText("0123456789 -+.eGMTWd,:", 32), now, (header, at) => {
      const waitMs = retryAfterMs(header, at.getTime(), limitMs);
      assert.ok(Number.isFinite(waitMs) && waitMs >= 0 && waitMs <= limitMs, String(waitMs));
    }),
  );
});

test("a limit of pulls is the one that is told, and never one that makes no sense", async () => {
  const count = fc.nat(999_999_999);
  await holds(
    fc.property(
      count,
      count,
      fc.integer({ min: 1, max: 9_999_999 }),
      (limit, remaining, seconds) => {
        const headers = {
          "ratelimit-limit": `${limit};w=${seconds}`,
          "ratelimit-remaining": `${remaining};w=${seconds}`,
        };
        const told = { limit, remaining: Math.min(remaining, limit), windowMs: seconds * 1000 };
        assert.deepEqual(pullLimitIn(headers), limit === 0 ? null : { ...told, source: null });
      },
    ),
  );
  const header = foreignText("0123456789;w=, ", 24);
  await holds(
    fc.property(header, header, header, header, (limit, remaining, reset, source) => {
      const found = pullLimitIn({
        "ratelimit-limit": limit,
        "ratelimit-remaining": remaining,
        "ratelimit-reset": reset,
        "docker-ratelimit-source": source,
      });
      if (found === null) return;
      assert.ok(found.limit > 0 && found.limit >= found.remaining && found.remaining >= 0);
      assert.ok(Number.isSafeInteger(found.windowMs) && found.windowMs >= 0);
      assert.match(found.source ?? "a", /^[!-~]{1,64}$/);
    }),
  );
});

test("a Content-Range is read as it was written, and none that contradicts itself", async () => {
  const number = fc.nat(30);
  await holds(
    fc.property(number, number, fc.option(number), (first, last, sizeBytes) => {
      const possible = first <= last && (sizeBytes === null || last < sizeBytes);
      const header = `bytes ${first}-${last}/${sizeBytes ?? "*"}`;
      assert.deepEqual(parseContentRange(header), possible ? { first, last, sizeBytes } : null);
    }),
  );
});

test("a manifest's media type is one that manifests have, and what is declared is not contradicted", async () => {
  const types = fc.oneof(
    fc.constantFrom(...manifestMediaTypes, "text/html", "application/json", "", "APPLICATION/JSON"),
    fc.constant("application/vnd.cncf.notary+json; charset=utf-8"),
    foreignText("application/vnd.+json; =", 40),
  );
  await holds(
    fc.property(types, fc.option(types), (header, declared) => {
      const bytes = Buffer.from(JSON.stringify(declared === null ? {} : { mediaType: declared }));
      const found = mediaTypeOf({ "content-type": header }, bytes);
      if (found.kind === "nonsense") return;
      assert.match(found.name, /^application\/vnd\.[\w.-]+\+json$/);
      assert.ok(declared === null || declared === found.name);
    }),
  );
});

const reason = fc.oneof(anyText(), sentence, foreignText(`"\\;,=${oddLetters}`, 30));
const age: fc.Arbitrary<TagAge> = fc.record(
  { ageMs: fc.nat(), ttlMs: fc.integer(), rule: fc.option(reason) },
  plain,
);
const outcomes: fc.Arbitrary<PullOutcome> = fc.oneof(
  fc.record({ kind: fc.constant("hit"), tag: fc.option(age) }, plain),
  fc.record(
    { kind: fc.constant("miss"), stored: fc.boolean(), before: fc.constant(null), ageMs: fc.nat() },
    plain,
  ),
  fc.record({ kind: fc.constant("bypass"), rule: reason }, plain),
  fc.record({ kind: fc.constant("collapsed"), before: fc.constant(null), ageMs: fc.nat() }, plain),
  fc.record(
    {
      kind: fc.constant("revalidated"),
      ttlMs: fc.nat(),
      before: fc.constant(null),
      ageMs: fc.nat(),
    },
    plain,
  ),
  fc.record({ kind: fc.constant("stale"), tag: fc.option(age), reason }, plain),
);

test("what a mirror says of an answer is read by the next, through any chain of them", async () => {
  await holds(
    fc.property(fc.array(outcomes, { minLength: 1, maxLength: 5 }), (chain) => {
      let before: string | null = null;
      for (const outcome of chain) {
        const header: string = cacheStatus("before" in outcome ? { ...outcome, before } : outcome);
        validateHeaderValue("cache-status", header);
        const told = toldCacheStatus(header);
        assert.equal(told?.text ?? null, header.length > 2_000 ? null : header);
        before = told?.text ?? null;
      }
    }),
  );
});

test("the reason that a mirror gives is the one that the next one reads", async () => {
  await holds(
    fc.property(reason, (words) => {
      const failure = {
        kind: "relayed",
        mirror: "m",
        status: 502,
        words,
        retryAfter: null,
      } as const;
      const header = failedStatus(new UpstreamError("docker.io", failure));

      assert.equal(toldCacheStatus(header)?.mirrorsReason ?? "", words.replace(/[^ -~]/g, "?"));
    }),
  );
});

const pieces = textOfPieces(
  ...["sluice", "cdn", '"a cdn"', "; hit", '; detail="', '"', '\\"', "\\\\", "\\", ", ", " ", "a"],
  ...["=1", "; ttl=-30", "; fwd=miss", "?1", ":aGk=:", ";", "=", "\t"],
);

test("whatever stands in Cache-Status, what is passed on of it is a header of visible letters", async () => {
  await holds(
    fc.property(fc.oneof(pieces, foreignText('sluice;hit=",\\ ab:?1.*/-', 60)), (header) => {
      const told = toldCacheStatus(header);
      if (told === null) return;
      assert.match(told.text, /^[\t -~]+$/);
      assert.ok(closesItsQuotes(told.text), told.text);
      assert.deepEqual(toldCacheStatus(told.text), told);
      // With ours behind it, it still is a list of caches.
      assert.ok(toldCacheStatus(`${told.text}, sluice; hit`));
    }),
  );
});

test("the words of a status line are one line of visible letters, whatever went wrong", async () => {
  await holds(
    fc.property(reason, (words) => {
      const phrase = reasonPhrase(new DistributionError("UNAVAILABLE", words));
      assert.match(phrase, /^[ -~]{1,300}$/);
      assert.ok(phrase.startsWith("Service Unavailable: "));
    }),
  );
});

test("what is shown on a terminal moves nothing on it", async () => {
  await holds(
    fc.property(fc.oneof(reason, foreignText(`a${oddLetters}`)), (text) => {
      const shown = printable(text);
      assert.doesNotMatch(shown, /(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/u);
      if (!text.includes("\\u{")) assert.equal(unescaped(shown), text);
    }),
  );
});

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Whether what stands between quotes ends, and nothing else but a separator follows it. */
function closesItsQuotes(text: string): boolean {
  const outside = text.replace(/"(?:[^"\\]|\\.)*"(?=[;,\t ]|$)/g, "");
  return !/["\\]/.test(outside);
}

function isWithin(letters: string, text: string): boolean {
  let at = 0;
  for (const char of text) if (char === letters[at]) at++;
  return at === letters.length;
}

function unescaped(text: string): string {
  return text.replace(/\\u\{([0-9a-f]+)\}/g, (_, hex) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}
