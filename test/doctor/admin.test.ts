import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAdmin } from "../../src/doctor/admin-check.ts";
import { configWith } from "./examined.ts";

const auth = { htpasswdFile: "/etc/sluice/htpasswd", tokensFile: null };
const everywhere = { host: "", port: 5001 };

test("the doctor says nothing of an admin API on loopback, tells of one for other machines, and warns where passwords travel to it in clear", async () => {
  const { admin } = await configWith({});
  const tls = [{ certificateFile: "tls.crt", keyFile: "tls.key" }];
  const metricsListen = { host: "0.0.0.0", port: 5002 };

  const found = [
    admin,
    { ...admin, listen: everywhere, auth },
    { ...admin, listen: everywhere, auth, tls },
    { ...admin, metricsListen },
  ].map(async (one) => {
    const findings = await Array.fromAsync(checkAdmin(one));
    return findings.map(({ verdict, found }) => `${verdict} ${found}`);
  });

  const shown = "the admin API listens on every interface, port 5001, for other machines too";
  assert.deepEqual(await Promise.all(found), [
    [],
    [`warn ${shown}, and passwords travel to it in clear`],
    [`ok ${shown}`],
    ["ok metrics are told on 0.0.0.0:5002, to whoever reaches it"],
  ]);
});
