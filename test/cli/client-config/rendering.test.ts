import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse as parseYaml } from "yaml";
import { assumedAddress } from "../../../src/client-config/address.ts";
import { buildkit } from "../../../src/client-config/buildkit.ts";
import { type Client, configOf } from "../../../src/client-config/client.ts";
import { ClientConfigError } from "../../../src/client-config/client-config-error.ts";
import { containerd, containerdForAny } from "../../../src/client-config/containerd.ts";
import { docker, dockerOnContainerd } from "../../../src/client-config/docker.ts";
import { k3s, k3sForAny } from "../../../src/client-config/k3s.ts";
import { mirrorForClients, type Reach } from "../../../src/client-config/mirror-for-clients.ts";
import { podman } from "../../../src/client-config/podman.ts";
import { read, yaml } from "../../config/reading.ts";
import { makeCertificate } from "../../support/certificate.ts";
import { assertGolden } from "../../support/golden.ts";
import { passwordLine } from "../../support/login-files.ts";
import { haveAll } from "../../support/real-program.ts";

const clients = {
  docker,
  "docker-on-containerd": dockerOnContainerd,
  containerd,
  "containerd-for-any": containerdForAny,
  podman,
  buildkit,
  k3s,
  "k3s-for-any": k3sForAny,
} as const;

// One registry whose own place is known, one that is behind a relay, and one with a port.
const lab = yaml`
  upstreams:
    docker.io: { endpoints: [https://registry-1.docker.io], default: true }
    ghcr.io: { endpoints: [https://relay.internal/ghcr] }
    registry.internal:5000: { endpoints: ["http://registry.internal:5000"], aliases: [registry.internal] }
`;

const ways: Readonly<Record<string, Partial<Reach>>> = {
  plain: { address: new URL("http://mirror.example.com:5000") },
  tls: { address: new URL("https://mirror.example.com") },
  unverified: { address: new URL("https://mirror.example.com"), skipVerify: true },
};

for (const [name, client] of Object.entries(clients)) {
  for (const [way, reach] of Object.entries(ways)) {
    test(`the configuration of ${name} for a mirror reached over ${way} is as promised`, async () => {
      const { files, notes } = await configured(client, lab, reach);

      const shown = [
        ...files.map(({ path, text }) => `=== ${path}\n${text}`),
        ...notes.map((note) => `note: ${note}\n`),
      ];
      await assertGolden(new URL(`golden/${name}-${way}.txt`, import.meta.url), shown.join(""));
    });
  }
}

for (const [name, client] of Object.entries(clients)) {
  test(`${name} is told how it logs in to a mirror that asks for it, and only then`, async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), "client-config-"));
    const htpasswd = join(directory.path, "htpasswd");
    await writeFile(htpasswd, passwordLine("alice", "secret"));
    const asking = `server: { auth: { htpasswd: ${htpasswd} } }\n${lab}`;

    const told = (await configured(client, asking)).notes;
    const untold = (await configured(client, lab)).notes;

    assert.deepEqual(told.slice(0, -1), untold);
    assert.match(told.at(-1) ?? "", name === "docker" ? /never logs in/ : /logs? in/);
  });
}

test("each client is told where its certificate belongs for a mirror that asks for one", async (t) => {
  if (!haveAll(t, "openssl")) return;
  await using made = await mkdtempDisposable(join(tmpdir(), "client-config-"));
  const { certificateFile, keyFile } = await makeCertificate(made.path);
  const tls = { certificate: certificateFile, key: keyFile, clientCa: certificateFile };
  const asking = `server: { tls: ${JSON.stringify(tls)} }\n${lab}`;
  const places: Readonly<Record<keyof typeof clients, RegExp>> = {
    docker: /\/etc\/docker\/certs.d\/mirror.example.com: client.cert and client.key$/,
    "docker-on-containerd": /client = \[\[/,
    containerd: /client = \[\[/,
    "containerd-for-any": /client = \[\[/,
    podman: /\/etc\/containers\/certs.d\/mirror.example.com: client.cert and client.key$/,
    buildkit: /keypair under \[registry."mirror.example.com"\]/,
    k3s: /configs."mirror.example.com".tls/,
    "k3s-for-any": /configs."mirror.example.com".tls/,
  };

  for (const [name, client] of Object.entries(clients)) {
    const { notes } = await configured(client, asking, ways["tls"]);
    assert.match(notes.at(-1) ?? "", places[name as keyof typeof clients]);
  }
});

test("only the registries that are named are configured, and one that is not configured is refused", async () => {
  const { files } = await configured(containerd, lab, { only: ["ghcr.io"] });
  assert.deepEqual(
    files.map(({ path }) => path),
    ["/etc/containerd/certs.d/ghcr.io/hosts.toml"],
  );

  await assert.rejects(
    configured(containerd, lab, { only: ["gcr.io"] }),
    refusal(/gcr\.io is no upstream .*it has docker\.io, ghcr\.io, registry\.internal:5000/),
  );
});

test("a host without a dot keeps a port, or clients would take it for a part of the name", async () => {
  for (const [address, location] of [
    ["http://mirror", "mirror:80/ghcr.io"],
    ["https://mirror", "mirror:443/ghcr.io"],
    ["http://[fd00::1]:5000", "[fd00::1]:5000/ghcr.io"],
  ]) {
    const { files } = await configured(podman, lab, { address: new URL(address ?? "") });
    assert.match(files[0]?.text ?? "", new RegExp(`location = "${RegExp.escape(location ?? "")}"`));
  }
});

test("a registry that only a colon can name is left out where it stands in a path, with what to do", async () => {
  const text = lab.replace(", aliases: [registry.internal]", "");

  const { files, notes } = await configured(podman, text);
  assert.doesNotMatch(files[0]?.text ?? "", /registry\.internal/);
  assert.match(notes[0] ?? "", /left out.*aliases: \[registry\.internal\]/);

  const alone = { only: ["registry.internal:5000"] };
  await assert.rejects(configured(buildkit, text, alone), refusal(/is left out/));
  assert.equal((await configured(containerd, text, alone)).files.length, 1);
});

test("at a host that means one upstream the others are left out, and refused when named", async () => {
  const text = lab.replace("[https://relay.internal/ghcr]", "[https://ghcr.io], hosts: [ghcr.lan]");
  const address = new URL("http://ghcr.lan:5000");

  const { files, notes } = await configured(containerd, text, { address });
  assert.deepEqual(
    files.map(({ path }) => path),
    ["/etc/containerd/certs.d/ghcr.io/hosts.toml"],
  );
  assert.match(notes[0] ?? "", /ghcr\.lan:5000 means ghcr\.io alone/);
  await assert.rejects(
    configured(containerd, text, { address, only: ["docker.io"] }),
    refusal(/not docker\.io/),
  );
  await assert.rejects(configured(docker, text, { address }), refusal(/that means ghcr\.io/));
});

test("Docker is refused where a request without a name does not mean Docker Hub", async () => {
  const text = lab.replace(", default: true", "");
  await assert.rejects(configured(docker, text), refusal(/means no upstream: set .*default/));
});

test("what YAML clients are given is YAML, also with ports in names", async () => {
  const reach = { address: new URL("https://mirror.example.com:8443"), skipVerify: true };
  const { files } = await configured(k3s, lab, reach);

  const registries = parseYaml(files[0]?.text ?? "") as unknown;
  const endpoint = ["https://mirror.example.com:8443"];
  assert.deepEqual(registries, {
    mirrors: {
      "docker.io": { endpoint },
      "ghcr.io": { endpoint },
      "registry.internal:5000": { endpoint },
    },
    configs: { "mirror.example.com:8443": { tls: { insecure_skip_verify: true } } },
  });
});

test("where no address is named, it is what the configuration tells, and what is assumed is said", async () => {
  const table: readonly [string, string | null, string, RegExp | null][] = [
    ["{}", null, "http://machine:5000", /assumed .* as machine/],
    ['server: { listen: ":8080" }', null, "http://machine:8080", /assumed/],
    ["server: { listen: 10.0.0.7:5000 }", null, "http://10.0.0.7:5000", null],
    ['server: { listen: "[fd00::7]:5000" }', null, "http://[fd00::7]:5000", null],
    ["server: { listen: 127.0.0.1:5000 }", null, "http://127.0.0.1:5000", /same machine/],
    [hosted("hub.lan"), "docker.io", "http://hub.lan:5000", null],
    [hosted("hub.lan:81"), "docker.io", "http://hub.lan:81", null],
    [hosted("hub.lan"), null, "http://machine:5000", /assumed/],
  ];
  for (const [text, meant, url, said] of table) {
    const { address, note } = assumedAddress(await read(text), "machine", meant);
    assert.equal(address.origin, url, text);
    if (said) assert.match(note ?? "", said);
    else assert.equal(note, null);
  }

  const tls = { ...(await read("{}")).server, tls: [{ certificateFile: "", keyFile: "" }] };
  const secure = assumedAddress({ ...(await read("{}")), server: tls }, "machine", null);
  assert.equal(secure.address.origin, "https://machine:5000");

  const anyPort = await read('server: { listen: ":0" }');
  assert.throws(() => assumedAddress(anyPort, "machine", null), refusal(/by --address/));
});

function hosted(host: string): string {
  return `upstreams: { docker.io: { endpoints: [https://registry-1.docker.io], hosts: ["${host}"] } }`;
}

async function configured(
  client: Client,
  text: string,
  reach: Partial<Reach> = {},
): Promise<ReturnType<Client["configure"]>> {
  const address = new URL("http://mirror.example.com:5000");
  const mirror = mirrorForClients(await read(text), {
    address,
    skipVerify: false,
    only: [],
    ...reach,
  });
  return configOf(client, mirror);
}

function refusal(message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof ClientConfigError, String(error));
    assert.match(error.message, message);
    return true;
  };
}
