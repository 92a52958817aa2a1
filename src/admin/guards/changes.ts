import type { Context, MiddlewareHandler } from "hono";
import { isLoopbackAddress, isLoopbackName } from "../../config/loopback.ts";
import type { Log } from "../../telemetry/log.ts";
import type { AdminAccess } from "./admin-access.ts";
import { clientOf } from "./client.ts";
import { originOf } from "./origin.ts";
import { nameIn } from "./own-names.ts";

/** Lets nobody change something who may not, and writes a line in the log for each change: who asked for what. */
export function watchChanges(log: Log, access: AdminAccess): MiddlewareHandler {
  return async (context, next) => {
    if (!isOrder(context)) return await next();
    const { req } = context;
    const asker = askerOf(context, access);
    const refusal = access.kind === "address" ? refusalOf(context) : null;
    if (refusal !== null) {
      const { status, error } = refusal;
      log.warn({ ...asker, target: req.path, status, reason: error }, "change was refused");
      return context.json({ error }, status);
    }
    const order = objectIn(await req.json().catch(() => null));
    if (order?.["dryRun"] !== true)
      log.info({ ...asker, target: req.path, order }, "change was asked for");
    return await next();
  };
}

/** Whether a request may change something. */
export function isOrder({ req }: Context): boolean {
  return req.method !== "GET" && req.method !== "HEAD";
}

interface Refusal {
  readonly status: 403 | 415;
  readonly error: string;
}

function refusalOf(context: Context): Refusal | null {
  const { req } = context;
  // Forms cannot send it, nor can a page of another site without asking us first, which we never allow.
  if (!/^application\/json *(?:;|$)/i.test(req.header("content-type") ?? "")) {
    return { status: 415, error: "an order is JSON, with content-type: application/json" };
  }
  const origin = originOf((name) => req.header(name));
  // Whatever it was that logged in: browsers send a login with what other sites make them ask for, too.
  if (origin === "foreign") {
    return { status: 403, error: "a page of another site may not change anything here" };
  }
  if (context.get("user") !== null) return null;
  // Nobody has said who they are. Whoever sits at this machine may, by the page that they see there.
  return origin === "own" && isAtThisMachine(context) ? null : notKnown;
}

/** Whether a browser on this machine has come by an address of loopback; through a proxy it has come by another. */
function isAtThisMachine(context: Context): boolean {
  const isNear = isLoopbackAddress(clientOf(context) ?? "");
  return isNear && isLoopbackName(nameIn(context.req.header("host")));
}

const notKnown: Refusal = {
  status: 403,
  error:
    "who asks here is not known: use the sluice command on the mirror's machine, or set admin.auth and log in",
};

interface Asker {
  readonly by: string;
  readonly client: string | null;
}

function askerOf(context: Context, access: AdminAccess): Asker {
  if (access.kind === "own") return { by: access.by, client: null };
  return { by: context.get("user") ?? "anybody on this machine", client: clientOf(context) };
}

/** null for what is no order: it is refused by whoever it is for. */
function objectIn(sent: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof sent !== "object" || sent === null || Array.isArray(sent)) return null;
  return { ...sent };
}
