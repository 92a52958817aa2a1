import type { z } from "zod";
import { ImageGlob } from "../../oci/image-glob.ts";
import type { FreshnessConfig, FreshnessRule } from "../config.ts";
import { denyKey } from "./deny-key.ts";
import { flag, list, table, text } from "./keys.ts";
import { durationKey } from "./value-keys.ts";

/** `freshness`. Which keys of a rule go together is in `rule-ways.ts`. */
export function freshnessTable(): z.ZodType<FreshnessConfig> {
  return table(
    {
      ttl: durationKey({
        description:
          "How long a tag is believed before upstream is asked again; 0s asks every time.",
        example: "5m",
      }).prefault("1m"),
      staleWhileRevalidate: durationKey({
        description:
          "For so long beyond ttl a tag is answered as it was, and upstream is asked behind the answer.",
        example: "1h",
      }).prefault("0s"),
      staleIfError: durationKey({
        description: "How long after its last check a tag stands in for an upstream that is down.",
        example: "7d",
      }).prefault("30d"),
      negativeTtl: durationKey({
        description: 'How long upstream\'s "not found" is believed.',
        example: "30s",
      }).prefault("5s"),
      grantTtl: durationKey({
        description:
          "How long upstream's word is believed that a repository may be pulled from, or holds a digest.",
        example: "1h",
      }).prefault("24h"),
      rules: rulesKey().prefault([]),
    },
    { description: "When upstream is asked again.", example: { ttl: "5m" } },
  ).transform(({ ttl, staleWhileRevalidate, staleIfError, negativeTtl, grantTtl, rules }) => ({
    ttlMs: ttl,
    staleWhileRevalidateMs: staleWhileRevalidate,
    staleIfErrorMs: staleIfError,
    negativeTtlMs: negativeTtl,
    grantTtlMs: grantTtl,
    rules,
  }));
}

// Each pull is compared with them in turn, some hundred characters at a time: a millisecond at most.
const rulesLimit = 500;

function rulesKey(): z.ZodType<readonly FreshnessRule[]> {
  return list(ruleTable(), {
    kind: "a list of rules",
    description: "What is different about some images. The first rule that matches decides.",
    example: [{ match: "*:v[0-9]*", ttl: "7d" }],
  }).max(rulesLimit, { error: `has more than ${rulesLimit} rules` });
}

function ruleTable(): z.ZodType<FreshnessRule> {
  return table(
    {
      match: matchKey(),
      ttl: ruleDuration("As freshness.ttl, for the tags that match.", "7d"),
      staleWhileRevalidate: ruleDuration(
        "As freshness.staleWhileRevalidate, for the tags that match.",
        "1h",
      ),
      staleIfError: ruleDuration("As freshness.staleIfError, for the tags that match.", "90d"),
      negativeTtl: ruleDuration("As freshness.negativeTtl, for what matches.", "1m"),
      immutable: flag("Whether a tag that is known once is never asked again.").optional(),
      store: flag(
        "Whether it is stored; false passes it through and keeps nothing of it.",
      ).optional(),
      deny: denyKey("Refuses what matches, and tells the client this.").optional(),
    },
    {
      description: "What is different about the images that a pattern matches.",
      example: { match: "*:v[0-9]*", ttl: "7d" },
    },
  ).transform(({ match, immutable, store, deny, ...written }) => ({
    match,
    ttlMs: immutable ? Number.POSITIVE_INFINITY : (written.ttl ?? null),
    staleWhileRevalidateMs: written.staleWhileRevalidate ?? null,
    staleIfErrorMs: written.staleIfError ?? null,
    negativeTtlMs: written.negativeTtl ?? null,
    keeps: store ?? true,
    denial: deny ?? null,
  }));
}

function ruleDuration(description: string, example: string): z.ZodType<number | undefined> {
  return durationKey({ description, example }).optional();
}

function matchKey(): z.ZodType<string> {
  return text(
    {
      kind: "a pattern of images",
      description:
        "UPSTREAM/REPOSITORY, with :TAG or without; * stands for anything, [0-9] for one of a set.",
      example: "docker.io/library/*:latest",
    },
    (written) => (ImageGlob.parse(written) ? written : null),
  );
}
