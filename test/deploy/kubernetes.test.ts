import assert from "node:assert/strict";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import packageJson from "../../package.json" with { type: "json" };
import { parseConfig } from "../../src/config/parse-config.ts";
import { runSluice } from "../cli/run-sluice.ts";
import { inCheckout } from "../support/deploy.ts";
import {
  type Container,
  kustomized,
  type Labels,
  type Manifest,
  only,
  type PodSpec,
} from "../support/kubernetes.ts";
import { haveAll } from "../support/real-program.ts";

const user = 10001;

test("Kubernetes: what the objects name of each other is there", async (t) => {
  if (!haveAll(t, "kubectl")) return;
  const base = await kustomized("base");
  const set = only(base, "StatefulSet");
  const labels = set.spec.template?.metadata.labels;
  const pod = podOf(set);

  assert.deepEqual(set.spec.selector?.matchLabels, labels);
  assert.deepEqual(only(base, "NetworkPolicy").spec.podSelector?.matchLabels, labels);
  assert.deepEqual(only(base, "PodDisruptionBudget").spec.selector?.matchLabels, labels);
  const services = base.filter(({ kind }) => kind === "Service");
  for (const service of services) assert.deepEqual(service.spec.selector, labels);
  only(base, "Service", set.spec.serviceName);

  const ports = pod.containers.flatMap((container) => container.ports ?? []);
  const exposed = services.flatMap(({ spec }) => spec.ports ?? []);
  const letIn = (only(base, "NetworkPolicy").spec.ingress ?? []).flatMap((rule) => rule.ports);
  const names = [...exposed.map(({ targetPort }) => targetPort), ...letIn.map(({ port }) => port)];
  assert.deepEqual(new Set(names), new Set(ports.map(({ name }) => name)));

  const configMaps = pod.volumes.flatMap(({ configMap }) => configMap ?? []);
  for (const { name } of configMaps) only(base, "ConfigMap", name);
  const claims = (set.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
  assertMounted(pod, claims);
  const namespaced = base.filter(({ kind }) => kind !== "Namespace");
  const { name } = only(base, "Namespace").metadata;
  assert.deepEqual(new Set(namespaced.map(({ metadata }) => metadata.namespace)), new Set([name]));
});

test("Kubernetes: user, image, ports, paths and the configuration are those of sluice", async (t) => {
  if (!haveAll(t, "kubectl")) return;
  const base = await kustomized("base");
  const pod = podOf(only(base, "StatefulSet"));
  const [container] = pod.containers as [Container];
  const dockerfile = await readFile(inCheckout("Dockerfile"), "utf8");
  const text = only(base, "ConfigMap").data?.["mirror.config.yaml"] ?? "";
  const directory = /SLUICE_DIRECTORY=(\S+)/.exec(dockerfile)?.[1] ?? "";
  const written = { text, file: "mirror.config.yaml", directory: "/etc/sluice" };
  const config = await parseConfig(written, { SLUICE_DIRECTORY: directory });

  assert.match(dockerfile, new RegExp(`^USER ${user}:${user}$`, "m"));
  assert.deepEqual(
    ["runAsUser", "runAsGroup", "fsGroup", "runAsNonRoot"].map((key) => pod.securityContext?.[key]),
    [user, user, user, true],
  );
  assert.ok(container.image.endsWith(`/sluice:${packageJson.version}`));
  assert.deepEqual(
    container.ports?.map(({ containerPort }) => containerPort),
    [config.server.listen.port, config.admin.metricsListen?.port],
  );
  const mounts = new Map(container.volumeMounts?.map((mount) => [mount.name, mount.mountPath]));
  assert.equal(mounts.get("content"), directory);
  assert.equal(config.storage.directory, directory);
  // Where the image has its own configuration, and the last place where sluice looks.
  assert.equal(mounts.get("configuration"), "/etc/sluice");
  assert.match(dockerfile, /mirror\.config\.yaml \/etc\/sluice\/mirror\.config\.yaml/);
  assert.ok(text.includes(`passwordFile: ${mounts.get("secrets")}/`));
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
    assert.match(probe?.httpGet.path ?? "", /^\/(healthz|readyz)$/);
    assert.equal(probe?.httpGet.port, "registry");
  }
  const drained = /drainMs = ([\d_]+);/.exec(
    await readFile(inCheckout("src/cli/commands/serve.ts"), "utf8"),
  );
  assert.ok(pod.terminationGracePeriodSeconds * 1000 > Number(drained?.[1]?.replaceAll("_", "")));
});

test("Kubernetes: the mirror's pod is what the restricted standard asks for", async (t) => {
  if (!haveAll(t, "kubectl")) return;
  const base = await kustomized("base");
  const pod = podOf(only(base, "StatefulSet"));

  assert.equal(enforced(only(base, "Namespace").metadata.labels), "restricted");
  assert.deepEqual(pod.securityContext?.["seccompProfile"], { type: "RuntimeDefault" });
  for (const { securityContext } of pod.containers) {
    assert.deepEqual(securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  }
  assert.ok(pod.volumes.every(({ hostPath }) => hostPath === undefined));
  const open = only(base, "NetworkPolicy").spec.ingress?.filter(({ from }) => from === undefined);
  assert.deepEqual(
    open?.flatMap(({ ports }) => ports.map(({ port }) => port)),
    ["registry"],
  );
});

test("Kubernetes: the nodes' pod writes a hosts.toml that names the port of the service on the node", async (t) => {
  if (!haveAll(t, "kubectl")) return;
  const [base, nodes] = [await kustomized("base"), await kustomized("nodes")];
  const pod = podOf(only(nodes, "DaemonSet"));
  const [write] = pod.initContainers as readonly [Container];
  const [mount] = write.volumeMounts ?? [];
  await using root = await mkdtempDisposable(join(tmpdir(), "node-"));

  const args = (write.args ?? []).map((arg) => arg.replace("=/node", `=${root.path}/node`));
  const { code, stdout, stderr } = await runSluice(args, { cwd: root.path });

  assert.equal(code, 0, stderr);
  const file = `${root.path}${mount?.mountPath}/_default/hosts.toml`;
  assert.equal(stdout, `wrote ${file}\n`);
  const { nodePort } = only(base, "Service", "sluice").spec.ports?.[0] ?? {};
  assert.ok((await readFile(file, "utf8")).includes(`[host."http://127.0.0.1:${nodePort}"]`));
  assert.equal(`/node${pod.volumes[0]?.hostPath?.path}`, mount?.mountPath);
  assertMounted(pod, []);
  assert.ok(write.image.endsWith(`/sluice:${packageJson.version}`));
});

function podOf({ spec }: Manifest): PodSpec {
  assert.ok(spec.template);
  return spec.template.spec;
}

/** Each mount is of a volume, and each volume is mounted. */
function assertMounted(pod: PodSpec, claims: readonly string[]): void {
  const containers = [...pod.containers, ...(pod.initContainers ?? [])];
  const mounted = containers.flatMap(({ volumeMounts = [] }) =>
    volumeMounts.map(({ name }) => name),
  );
  const volumes = [...pod.volumes.map(({ name }) => name), ...claims];
  assert.deepEqual(new Set(mounted), new Set(volumes));
}

function enforced(labels: Labels = {}): string | undefined {
  return labels["pod-security.kubernetes.io/enforce"];
}
