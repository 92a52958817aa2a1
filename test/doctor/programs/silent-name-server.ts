// Prints what a doctor finds of an upstream whose name the only name server says nothing of.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { troubles } from "../examined.ts";

const silent = createSocket("udp4").bind(53, "127.0.0.1");
await once(silent, "listening");
const upstreams = { "x.io": { endpoints: ["http://registry.example.com"] } };
const found = await troubles("x.io", { settings: { upstreams }, limitMs: 1_000 });
process.stdout.write(JSON.stringify(found));
// The look-up itself goes on until the resolver gives up.
process.exit();
