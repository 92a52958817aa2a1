import { createRoute, z } from "@hono/zod-openapi";
import { AccessRules, type Caller } from "../../auth/access-rules.ts";
import type { Explanation, Verdict } from "../../mirror/images/explainer.ts";
import { nodesOf } from "../../mirror/images/images.ts";
import { type OutageProblem, outageProblems } from "../../mirror/images/outage.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { ImageRoute, ImageTarget } from "../../upstream/upstreams.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf } from "../answers.ts";
import { askedImage, fullName, readImage } from "../asked-image.ts";
import { type EndpointStats, endpointStatsOf, endpointStatsSchema } from "../endpoint-stats.ts";

export interface WhyAnswer {
  readonly name: string;
  readonly upstream: string;
  readonly repository: string;
  /** What in the name says which upstream is meant. */
  readonly route: ImageRoute["kind"];
  /** What a pull does first. */
  readonly verdict: Verdict;
  /** Why upstream is not waited for; null if it is, or need not be asked. */
  readonly trouble: string | null;
  readonly rule: {
    /** Where in the configuration it is said, as `freshness.rules[2]`; null where no rule matches. */
    readonly place: string | null;
    readonly denial: string | null;
    /** Whether what comes is stored. */
    readonly keeps: boolean;
    /** null: for ever. */
    readonly ttlMs: number | null;
    readonly staleWhileRevalidateMs: number;
    readonly staleIfErrorMs: number | null;
  };
  /** Whether the caller that was asked about may pull it at all; null where none was. */
  readonly caller: CallerAnswer | null;
  /** Whether upstream shows the repository to everyone; null where our own right decides. */
  readonly shown: { readonly provenAt: string | null; readonly proof: string } | null;
  /** What the tag means as far as is known; of a digest, that it is here. */
  readonly known: {
    readonly digest: string;
    /** When the tag was checked; null for a digest. */
    readonly checkedAt: string | null;
    readonly provenAt: string | null;
    readonly proof: string;
  } | null;
  /** Of what its manifests name, for the platforms that are here. */
  readonly content: { readonly here: number; readonly missing: number; readonly arriving: number };
  readonly endpoints: readonly EndpointStats[];
  /** What a client would not get if upstream gave no answer; nothing if it would get all. */
  readonly outage: readonly OutageProblem[];
}

interface CallerAnswer {
  /** null: who has not logged in. */
  readonly user: string | null;
  readonly address: string | null;
  /** `login`: not without one, which would help. */
  readonly ruling: "allowed" | "login" | "denied";
  /** Where in the configuration it is said; null where no rule fits, or there are none. */
  readonly place: string | null;
  readonly denial: string | null;
}

/** `GET /api/v1/why`. */
export function addWhy(api: AdminApi, tools: AdminTools): void {
  api.openapi(whyRoute, async (context) => {
    const { image: written, user, address } = context.req.valid("query");
    const image = readImage(tools, written);
    const explanation = await tools.mirror.explainer.explain(image, image.reference);
    const isAbout = user !== undefined || address !== undefined;
    const caller = isAbout ? callerOf(tools, image, { user: user ?? null, address }) : null;
    return context.json({ ...answerOf(image, explanation), caller }, 200);
  });
}

/** By the rules that hold now. */
function callerOf(
  { doctor }: AdminTools,
  { upstream, repository }: ImageTarget,
  caller: Caller,
): CallerAnswer {
  const rules = new AccessRules(doctor.config.server);
  const ruling = rules.ruling(caller, { upstream: upstream.name, repository });
  const { user, address = null } = caller;
  const common = { user, address, place: ruling.place };
  if (ruling.kind === "allowed") return { ...common, ruling: "allowed", denial: null };
  return { ...common, ruling: ruling.takesLogin ? "login" : "denied", denial: ruling.denial };
}

function answerOf(image: ImageTarget, explanation: Explanation): Omit<WhyAnswer, "caller"> {
  const { verdict, ruling, shown, endpoints } = explanation;
  const { place, denial, keeps, policy } = ruling;
  return {
    name: fullName(image),
    upstream: image.upstream.name,
    repository: image.repository,
    route: image.route.kind,
    verdict,
    trouble: troubleIn(explanation),
    rule: {
      place,
      denial,
      keeps,
      ttlMs: finite(policy.ttlMs),
      staleWhileRevalidateMs: policy.staleWhileRevalidateMs,
      staleIfErrorMs: finite(policy.staleIfErrorMs),
    },
    shown: shown && { provenAt: timeOf(shown.provenAtMs), proof: shown.age },
    known: knownOf(explanation),
    content: contentOf(explanation),
    endpoints: endpoints.map(endpointStatsOf),
    outage: outageProblems(explanation),
  };
}

function troubleIn({ tag }: Explanation): string | null {
  return tag?.decision.kind === "revalidate" ? tag.decision.reason : null;
}

function knownOf({ tag, tree }: Explanation): WhyAnswer["known"] {
  if (!tree) return null;
  const { digest, grant } = tree;
  const known = tag && "known" in tag.decision ? tag.decision.known : null;
  const checkedAt = timeOf(known?.checkedAtMs ?? null);
  return { digest, checkedAt, provenAt: timeOf(grant.provenAtMs), proof: grant.age };
}

function contentOf({ tree }: Explanation): WhyAnswer["content"] {
  const nodes = tree ? [...nodesOf(tree)] : [];
  const content = nodes.filter(({ kind }) => kind === "config" || kind === "layer");
  const count = (state: string): number => content.filter((node) => node.state === state).length;
  return { here: count("here"), missing: count("missing"), arriving: count("arriving") };
}

function timeOf(atMs: number | null): string | null {
  return atMs === null ? null : isoTime(atMs);
}

function finite(durationMs: number): number | null {
  return Number.isFinite(durationMs) ? durationMs : null;
}

const time = z.string().nullable().openapi({ format: "date-time" });

/** What can be wrong with an image in an outage; the type of `outageSchema` has them compared with `OutageProblem`. */
export const outageKinds = [
  "denied",
  "not-kept",
  "unknown",
  "too-old",
  "not-public",
  "no-platform",
  "missing",
  "unproven",
] as const;

const outageSchema: z.ZodType<OutageProblem> = z
  .object({
    kind: z.enum(outageKinds),
    count: count.openapi({ description: "Of how much; 0 for what is about the whole image." }),
    bytes: count,
  })
  .openapi("OutageProblem");

const whySchema: z.ZodType<WhyAnswer> = z
  .object({
    name: z.string(),
    upstream: z.string(),
    repository: z.string(),
    route: z.enum(["prefix", "alias", "default"]),
    verdict: z.enum([
      "denied",
      "not-found",
      "asked",
      "answered",
      "answered-and-asked",
      "asked-first",
      "answered-stale",
    ]),
    trouble: z.string().nullable(),
    rule: z.object({
      place: z.string().nullable(),
      denial: z.string().nullable(),
      keeps: z.boolean(),
      ttlMs: z.number().nullable(),
      staleWhileRevalidateMs: z.number(),
      staleIfErrorMs: z.number().nullable(),
    }),
    caller: z
      .object({
        user: z.string().nullable(),
        address: z.string().nullable(),
        ruling: z.enum(["allowed", "login", "denied"]),
        place: z.string().nullable(),
        denial: z.string().nullable(),
      })
      .nullable()
      .openapi({ description: "Of the caller that was asked about; null where none was." }),
    shown: z.object({ provenAt: time, proof: z.string() }).nullable(),
    known: z
      .object({ digest: z.string(), checkedAt: time, provenAt: time, proof: z.string() })
      .nullable(),
    content: z.object({ here: count, missing: count, arriving: count }),
    endpoints: z.array(endpointStatsSchema).readonly(),
    outage: z.array(outageSchema).readonly(),
  })
  .openapi("Why");

const notAnAddress = "it is not an address; write for example 10.0.0.7";

const whyRoute = createRoute({
  method: "get",
  path: "/api/v1/why",
  summary: "What a pull of an image would do now, and why. Nobody is asked for it.",
  request: {
    query: z.object({
      image: askedImage,
      user: z.string().optional().openapi({
        description:
          "A user who would pull it. Without one, but with an address: who has not logged in.",
      }),
      address: z.union([z.ipv4(), z.ipv6()], { error: notAnAddress }).optional().openapi({
        description: "From where; without one no rule with networks fits.",
      }),
    }),
  },
  responses: {
    200: jsonOf("What decides it.", whySchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
  },
});
