import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import type { AdminConfig, Config, ServerConfig } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { ConfigInEffect } from "../../src/wiring/in-effect.ts";

const { config: started } = await loadConfig({ file: "/dev/null", env: {}, cwd: "/" });

/** A daemon's configuration that went by the defaults, and the keys of which is said that they wait. */
class Scene {
  readonly warned: unknown[] = [];
  readonly #inEffect: ConfigInEffect;

  constructor(config: Config = started) {
    const log = pino({}, { write: (line: string) => this.warned.push(JSON.parse(line).key) });
    this.#inEffect = new ConfigInEffect(config, log);
  }

  read(next: Partial<Config>): Config {
    return this.#inEffect.take({ ...started, ...next });
  }
}

const elsewhere = { ...started.storage, directory: "/elsewhere" };

function server(changed: Partial<ServerConfig>): Partial<Config> {
  return { server: { ...started.server, ...changed } };
}

function admin(changed: Partial<AdminConfig>): Partial<Config> {
  return { admin: { ...started.admin, ...changed } };
}

test("a part that waits is told of once, and again when it changes further", () => {
  const scene = new Scene();

  scene.read({ storage: elsewhere });
  scene.read({ storage: elsewhere });
  assert.deepEqual(scene.warned, ["storage"]);

  scene.read({ storage: { ...elsewhere, directory: "/third" } });
  assert.deepEqual(scene.warned, ["storage", "storage"]);
});

// What was read last was taken for what runs: it was said of the storage directory in use that it waits.
test("of a file that says again what runs nothing waits", () => {
  const scene = new Scene();
  scene.read({ storage: elsewhere });

  const { storage } = scene.read({});

  assert.deepEqual(storage, started.storage);
  assert.deepEqual(scene.warned, ["storage"]);
});

test("what takes effect at once does not have what waits told of again", () => {
  const scene = new Scene();
  const listen = { host: "127.0.0.1", port: 5050 };
  scene.read(server({ listen }));

  const present = scene.read(server({ listen, access: [] }));

  assert.deepEqual(present.server, { ...started.server, access: [] });
  assert.deepEqual(scene.warned, ["server"]);
});

test("a login that stays because the listener needs it is told of, also when its address was changed before", () => {
  const auth = { htpasswdFile: "/htpasswd", tokensFile: null };
  const open = { listen: { host: "0.0.0.0", port: 5001 }, auth };
  const scene = new Scene({ ...started, ...admin(open) });

  scene.read(admin({ auth }));
  const present = scene.read({});

  assert.deepEqual(present.admin, { ...started.admin, ...open });
  assert.deepEqual(scene.warned, ["admin", "admin"]);
});
