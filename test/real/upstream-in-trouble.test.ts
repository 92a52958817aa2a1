import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ask } from "../support/ask.ts";
import { blackHole } from "../support/black-hole.ts";
import { Containerd } from "../support/containerd.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { Dockerd } from "../support/dockerd.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { runnableDockerImage } from "../support/images.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { skopeo } from "../support/skopeo.ts";
import { type LogLine, SluiceProcess } from "../support/sluice-process.ts";

interface Outage {
  readonly begin: (hub: FakeUpstream) => Promise<AsyncDisposable | null>;
  /** What each client must show its user. */
  readonly cause: RegExp;
}

const outages: Readonly<Record<string, Outage>> = {
  "refuses.test": {
    begin: async (hub) => {
      await hub.down();
      return null;
    },
    cause: /refuses\.test .*cannot be reached: .*ECONNREFUSED/,
  },
  "drops.test": {
    begin: (hub) => blackHole(new URL(hub.url).port),
    cause: /drops\.test .*did not answer in time/,
  },
  "hangs.test": answering(() => {}, /hangs\.test .*did not answer in time/),
  "breaks.test": answering((_, response) => {
    response.writeHead(500).end("oops");
  }, /breaks\.test .*answered with status 500/),
  "limits.test": answering((_, response) => {
    response.writeHead(429, { "retry-after": "30" }).end("slow down");
  }, /limits\.test .*answered with status 429/),
  "logs-in.test": answering((_, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<html>log in</html>");
  }, /logs-in\.test .*sent an answer that makes no sense/),
};

test("while an upstream is in trouble clients get what is here, and are told why they do not get the rest", async (t) => {
  if (!haveTools(t)) return;
  await using scene = await startScene();
  for (const [name, { begin, cause }] of Object.entries(outages)) {
    await t.test(name, async () => {
      const hub = scene.upstream(name);
      await scene.warm(name);
      await using _outage = await begin(hub);
      for (const [client, pull] of Object.entries(scene.clients)) {
        const answers = await scene.answersTo(() => pull(`${name}/team/app:latest`));
        assert.ok(answers.length > 0, client);
        for (const { status } of answers) assert.equal(status, 200, client);
      }
      for (const [client, pull] of Object.entries(scene.clients)) {
        await assert.rejects(pull(`${name}/team/cold:latest`), cause, client);
      }
    });
  }
});

test("a denied image is refused with the operator's words, by every client", async (t) => {
  if (!haveTools(t)) return;
  await using scene = await startScene();

  for (const [client, pull] of Object.entries(scene.clients)) {
    await assert.rejects(pull("hangs.test/evil/app:latest"), /use hangs\.test\/good\/app/, client);
  }
});

interface Scene extends AsyncDisposable {
  readonly upstream: (name: string) => FakeUpstream;
  /** Lets the mirror have `team/app:latest` of an upstream. */
  readonly warm: (name: string) => Promise<void>;
  /** Each pulls an image by its full name through the mirror, and rejects with what it printed. */
  readonly clients: Readonly<Record<string, (image: string) => Promise<unknown>>>;
  /** The mirror's log lines of answers about manifests and blobs, while `pull` runs. */
  readonly answersTo: (pull: () => Promise<unknown>) => Promise<readonly LogLine[]>;
}

function haveTools(t: TestContext): boolean {
  return (
    haveRoot(t) &&
    haveAll(t, "dockerd", "docker", "containerd", "ctr", "podman", "skopeo", "iptables")
  );
}

async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hubs = new Map<string, FakeUpstream>();
  for (const name of Object.keys(outages)) {
    const hub = resources.use(await FakeUpstream.start());
    // Of its own for each, for clients that have a layer do not ask for it.
    hub.addImage("team/app", "latest", runnableDockerImage(name));
    hubs.set(name, hub);
  }
  const upstream = (name: string): FakeUpstream => {
    const hub = hubs.get(name);
    if (!hub) throw new Error(`no upstream is called ${name}`);
    return hub;
  };
  const timeouts = { connect: "2s", answer: "4s" };
  const mirror = resources.use(
    await SluiceProcess.start({
      upstreams: Object.fromEntries(
        [...hubs].map(([name, { url }]) => [name, { endpoints: [url], timeouts }]),
      ),
      settings: {
        freshness: {
          ttl: "0s",
          rules: [{ match: "hangs.test/evil/*", deny: "use hangs.test/good/app" }],
        },
      },
    }),
  );
  const home = resources.use(await mkdtempDisposable(join(tmpdir(), "copies-")));
  const clients = await startClients(mirror, resources, home.path);
  const warm = async (name: string): Promise<void> => {
    await clients["skopeo"]?.(`${name}/team/app:latest`);
  };
  const answersTo = async (pull: () => Promise<unknown>): Promise<readonly LogLine[]> => {
    const before = await logged(mirror);
    await pull();
    const after = await logged(mirror);
    return after.slice(before.length).filter(({ repository }) => repository !== undefined);
  };
  const kept = resources.move();
  const dispose = (): Promise<void> => kept.disposeAsync();
  return { upstream, warm, clients, answersTo, [Symbol.asyncDispose]: dispose };
}

// A line is written when its answer has ended: with that of this request stand those of all before it.
async function logged(mirror: SluiceProcess): Promise<readonly LogLine[]> {
  const marker = `/v2/?last=${randomUUID()}`;
  await ask(`${mirror.url}${marker}`);
  return await eventually("the line of the last request", () => {
    const { log } = mirror;
    return log.some(({ target }) => target === marker) && log;
  });
}

async function startClients(
  mirror: SluiceProcess,
  resources: AsyncDisposableStack,
  directory: string,
): Promise<Scene["clients"]> {
  const dockerd = resources.use(await Dockerd.start());
  const containerd = resources.use(await Containerd.start({ mirror: mirror.url }));
  const home = resources.use(await ContainersHome.make({ mirrorHost: mirror.host }));
  let copies = 0;
  return {
    docker: (image) => dockerd.docker("pull", `${mirror.host}/${image}`),
    containerd: (image) => containerd.pull(image),
    podman: (image) => home.podman("pull", "--tls-verify=false", `${mirror.host}/${image}`),
    skopeo: (image) => {
      const copy = `dir:${join(directory, String(copies++))}`;
      return skopeo("copy", "--src-tls-verify=false", `docker://${mirror.host}/${image}`, copy);
    },
  };
}

function answering(answer: Answer, cause: RegExp): Outage {
  return {
    begin: async (hub) => {
      hub.overrideAll(answer);
      return null;
    },
    cause,
  };
}
