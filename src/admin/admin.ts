import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { OpenAPIHono, type z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import type { CreateServer } from "../listeners/create-server.ts";
import type { AdminApi, AdminTools } from "./admin-tools.ts";
import type { AdminAccess } from "./guards/admin-access.ts";
import { watchChanges } from "./guards/changes.ts";
import { loggedInOnly } from "./guards/login.ts";
import { orderLimit } from "./guards/order-limit.ts";
import { ownNamesOnly } from "./guards/own-names.ts";
import { questionLimit } from "./guards/question-limit.ts";
import { addDashboard } from "./page/dashboard.ts";
import { pageHeaders } from "./page/page-headers.ts";
import { addClientConfig } from "./routes/client-config.ts";
import { addDoctor } from "./routes/doctor.ts";
import { addEviction } from "./routes/eviction.ts";
import { addHistory } from "./routes/history.ts";
import { addImages } from "./routes/images.ts";
import { addInspect } from "./routes/inspect.ts";
import { addLive } from "./routes/live.ts";
import { addLogLevel } from "./routes/log-level.ts";
import { addMoves } from "./routes/moves.ts";
import { addNow, nowCollector } from "./routes/now.ts";
import { addPinning, addPins } from "./routes/pins.ts";
import { addPrefetch } from "./routes/prefetch.ts";
import { addProbes } from "./routes/probes.ts";
import { addPullRefusal } from "./routes/pull-refusal.ts";
import { addPurge } from "./routes/purge.ts";
import { addSavings } from "./routes/savings.ts";
import { addSimulate } from "./routes/simulate.ts";
import { addStats } from "./routes/stats.ts";
import { addStorage } from "./routes/storage.ts";
import { addSurvive } from "./routes/survive.ts";
import { addVerify } from "./routes/verify.ts";
import { addWhy } from "./routes/why.ts";

// What is asked of the mirror is a line of JSON.
const orderLimitBytes = 64 * 1024;

// Some walk through the whole catalog, in a thread and some 40 MiB each: a page that is reloaded all the time, or a
// script, must not take the memory of pulls. Probes and metrics do not count.
const questionsAtOnce = 6;

/** The admin API for those who come by one way. */
export function createAdminApi(tools: AdminTools, access: AdminAccess): AdminApi {
  const api = new OpenAPIHono({
    defaultHook: (result, context) => {
      if (result.success) return;
      return context.json({ error: sentenceOf(result.error) }, 400);
    },
  });
  api.onError((err, context) => {
    if (err instanceof HTTPException) return context.json({ error: err.message }, err.status);
    tools.log.error({ err, target: context.req.path }, "admin API failed");
    return context.json({ error: "an error within the mirror; its log says which" }, 500);
  });
  if (access.kind === "address") {
    api.use(pageHeaders(), ownNamesOnly(access.isOwnName), loggedInOnly(tools.log, access));
  }
  api.use(orderLimit(orderLimitBytes));
  addProbes(api, tools);
  api.use("/api/v1/*", questionLimit(questionsAtOnce), watchChanges(tools.log, access));
  addStats(api, tools);
  const collectNow = nowCollector(tools);
  addNow(api, collectNow);
  addLive(api, collectNow, tools.log);
  addSavings(api, tools);
  addLogLevel(api, tools);
  addSimulate(api, tools);
  addImages(api, tools);
  addInspect(api, tools);
  addPins(api, tools);
  addHistory(api, tools);
  addMoves(api, tools);
  addStorage(api, tools);
  addWhy(api, tools);
  addSurvive(api, tools);
  addClientConfig(api, tools);
  addEviction(api, tools);
  addPinning(api, tools);
  addVerify(api, tools);
  addPurge(api, tools);
  addPrefetch(api, tools);
  if (access.kind === "own") addDoctor(api, tools);
  api.doc("/api/v1/openapi.json", {
    openapi: "3.0.3",
    info: { title: "sluice admin API", version: tools.version, description },
  });
  addDashboard(api);
  addPullRefusal(api);
  api.notFound((context) =>
    context.json(
      { error: `${context.req.path} is no part of the admin API; see /api/v1/openapi.json` },
      404,
    ),
  );
  return api;
}

/** What machines ask of the mirror and nothing else: for an address that whoever reaches it may ask. */
export function createProbesApi(tools: AdminTools): AdminApi {
  const api = new OpenAPIHono();
  addProbes(api, tools);
  api.notFound(({ req, json }) => json({ error: `${req.path} is not here: only probes are` }, 404));
  return api;
}

/** A server for the API, not yet listening. */
export function createAdminServer(api: AdminApi, create: CreateServer = createServer): Server {
  return create({}, getRequestListener(api.fetch));
}

function sentenceOf(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.join(".") || "the body"}: ${message}`)
    .join("; ");
}

const description =
  "On the control socket, and on `admin.listen`. There, orders (POST) are `application/json`, and are taken " +
  "from who has logged in by `admin.auth`; without that, from a page of this listener on the same machine only, by its `Origin`.";
