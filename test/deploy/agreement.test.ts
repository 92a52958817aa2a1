import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { test } from "node:test";
import { parse as parseYaml } from "yaml";
import packageJson from "../../package.json" with { type: "json" };
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { deployFile, inCheckout } from "../support/deploy.ts";

const dockerfile = await readFile(inCheckout("Dockerfile"), "utf8");
const env = { SLUICE_DIRECTORY: "/var/lib/sluice" };

test("every configuration in deploy/ is one that sluice reads", async () => {
  const files = await Array.fromAsync(glob("**/mirror.config.yaml", { cwd: inCheckout("deploy") }));

  assert.ok(files.length >= 3, files.join(" "));
  for (const file of files) {
    await assert.doesNotReject(read(await deployFile(file)), file);
  }
});

test("Compose: image, ports, paths, secret and health check are those of the image", async () => {
  const { services, volumes, secrets } = parseYaml(await deployFile("compose/compose.yaml"));
  const { sluice } = services;
  const text = await deployFile("compose/mirror.config.yaml");
  const config = await read(text);
  const [, exposed] = /^EXPOSE (\d+)$/m.exec(dockerfile) ?? [];
  const [, volume] = /^VOLUME (\S+)$/m.exec(dockerfile) ?? [];

  assert.equal(sluice.image, `sluice:${packageJson.version}`);
  assert.deepEqual(sluice.ports, [`${exposed}:${config.server.listen.port}`]);
  assert.deepEqual(sluice.volumes, [
    `${Object.keys(volumes)[0]}:${volume}`,
    "./mirror.config.yaml:/etc/sluice/mirror.config.yaml:ro",
  ]);
  assert.deepEqual(sluice.secrets, Object.keys(secrets));
  assert.ok(text.includes(`passwordFile: /run/secrets/${sluice.secrets[0]} }`));
  const { interval, timeout, start_period, retries, test: command } = sluice.healthcheck;
  const times = `--interval=${interval} --timeout=${timeout} --start-period=${start_period} --retries=${retries}`;
  assert.ok(
    dockerfile.includes(
      `HEALTHCHECK ${times} CMD ${JSON.stringify(command.slice(1)).replace(",", ", ")}`,
    ),
  );
});

test("nginx, Caddy and keepalived look for the mirror where it listens by default", async () => {
  const { server } = await read("{}");
  const address = `127.0.0.1:${server.listen.port}`;

  assert.ok((await deployFile("nginx/sluice.conf")).includes(`server ${address};`));
  assert.ok((await deployFile("caddy/Caddyfile")).includes(`reverse_proxy ${address} {`));
  assert.ok((await deployFile("keepalived/keepalived.conf")).includes(`http://${address}/readyz`));
});

/** The configuration that a text means where its secrets are; any file stands for one here. */
async function read(text: string): Promise<Config> {
  const here = text.replace("/run/secrets/hub", inCheckout("LICENSE"));
  return parseConfig({ text: here, file: "mirror.config.yaml", directory: "/etc/sluice" }, env);
}
