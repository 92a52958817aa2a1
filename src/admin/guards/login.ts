import type { Context, MiddlewareHandler } from "hono";
import type { LoginCheck, Logins } from "../../auth/logins.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AddressAccess } from "./admin-access.ts";
import { clientOf } from "./client.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** Who has logged in; null where nobody need. */
    user: string | null;
  }
}

// What balancers and the kubelet ask, who have no login. What they are told names nobody and nothing that is stored.
const forEverybody: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** Answers those only who have logged in, where the configuration says who can. */
export function loggedInOnly(log: Log, { logins }: AddressAccess): MiddlewareHandler {
  return async (context, next) => {
    const present = logins();
    context.set("user", null);
    if (present === null || forEverybody.has(context.req.path)) return await next();
    const check = await loginOf(context, present);
    if (check.kind === "user") {
      context.set("user", check.name);
      return await next();
    }
    if (check.kind !== "nobody") {
      const about = { client: clientOf(context), target: context.req.path, reason: check.kind };
      log.warn(about, "login to the admin API was refused");
    }
    const { status, error, headers } = refusalOf(check);
    return context.json({ error }, status, headers);
  };
}

async function loginOf(context: Context, logins: Logins): Promise<LoginCheck> {
  const header = context.req.header("authorization");
  if (header === undefined) return { kind: "nobody" };
  return await logins.check(header, clientOf(context) ?? undefined);
}

interface Refusal {
  readonly status: 401 | 429 | 503;
  readonly error: string;
  readonly headers: Record<string, string>;
}

// Browsers ask their user then, and send what they were told with every request to this listener.
const challenge = { "www-authenticate": 'Basic realm="sluice admin", charset="UTF-8"' };

function refusalOf(check: Exclude<LoginCheck, { readonly kind: "user" }>): Refusal {
  switch (check.kind) {
    case "nobody":
      return { status: 401, error: "log in to use the admin API", headers: challenge };
    case "wrong":
      return {
        status: 401,
        error: check.why ?? "the name or the password is wrong",
        headers: challenge,
      };
    case "limited": {
      const seconds = String(Math.ceil(check.retryAfterMs / 1000));
      const error = `too many logins from this address were wrong; try again in ${seconds} s`;
      return { status: 429, error, headers: { "retry-after": seconds } };
    }
    case "busy":
      return {
        status: 503,
        error: "too many log in at once; try again in a few seconds",
        headers: { "retry-after": "5" },
      };
    case "closed":
      return {
        status: 503,
        error: "nobody can log in: a file of admin.auth is broken, and the mirror's log says where",
        headers: {},
      };
  }
}
