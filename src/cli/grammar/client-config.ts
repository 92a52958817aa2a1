import type { Command } from "commander";
import type { Client } from "../../client-config/client.ts";
import type { ClientConfigOptions } from "../commands/client-config.ts";
import { addressArgument } from "./arguments.ts";

interface Options extends ClientConfigOptions {
  readonly containerdStore?: boolean;
  readonly anyRegistry?: boolean;
}

export function addClientConfig(program: Command): void {
  const all = program
    .command("client-config")
    .helpCommand(false)
    .description("print what a client needs to pull through this mirror")
    .addHelpText("after", clientConfigHelp);
  add(all, "docker", async ({ containerdStore }) => {
    const { docker, dockerOnContainerd } = await import("../../client-config/docker.ts");
    return containerdStore ? dockerOnContainerd : docker;
  })
    .description("Docker's engine: daemon.json, or hosts.toml for containerd's store")
    .option("--containerd-store", "for an engine that keeps images in containerd's store")
    .addHelpText("after", dockerHelp);
  add(all, "containerd", async ({ anyRegistry }) => {
    const { containerd, containerdForAny } = await import("../../client-config/containerd.ts");
    return anyRegistry ? containerdForAny : containerd;
  })
    .description("containerd, and Kubernetes on it: hosts.toml")
    .option("--any-registry", anyRegistryHelp)
    .addHelpText("after", containerdHelp);
  add(all, "podman", async () => (await import("../../client-config/podman.ts")).podman)
    .description("podman, buildah, skopeo and CRI-O: a file in registries.conf.d")
    .addHelpText("after", podmanHelp);
  add(all, "buildkit", async () => (await import("../../client-config/buildkit.ts")).buildkit)
    .description("a standalone buildkitd, or docker buildx: buildkitd.toml")
    .addHelpText("after", buildkitHelp);
  add(all, "k3s", async ({ anyRegistry }) => {
    const { k3s, k3sForAny } = await import("../../client-config/k3s.ts");
    return anyRegistry ? k3sForAny : k3s;
  })
    .description("k3s and RKE2: registries.yaml")
    .option("--any-registry", anyRegistryHelp)
    .addHelpText("after", k3sHelp);
}

function add(all: Command, name: string, load: (options: Options) => Promise<Client>): Command {
  return all
    .command(name)
    .option(
      "--address <url>",
      "how clients reach the mirror (default: what the configuration tells)",
      addressArgument,
    )
    .option("--upstream <names...>", "for these registries only")
    .option("--skip-verify", "over https, have the client believe any certificate")
    .option("--write <directory>", "write the files below it: / on the client itself")
    .option("--json", "print JSON, for programs: address, files, notes, and what was written")
    .action(async (_options: object, command: Command) => {
      const { clientConfig } = await import("../commands/client-config.ts");
      const options = command.optsWithGlobals<Options>();
      await clientConfig(await load(options), options);
    });
}

const anyRegistryHelp = "one entry for every registry; for those the mirror has not, it says so";

const clientConfigHelp = `
The files go to stdout and are right as they are; what has to be known beside
them goes to stderr. Without --address, the mirror is where server.listen says,
and by this machine's name where that is every interface; https with server.tls.
Where a reverse proxy stands before the mirror, name its address.

Examples:
  sluice client-config docker
  sluice client-config containerd --address https://mirror.example.com`;

const dockerHelp = `
Examples:
  sluice client-config docker --write /
  sluice client-config docker --address http://mirror.example.com:5000
  sluice client-config docker --containerd-store --write /`;

const containerdHelp = `
Examples:
  sluice client-config containerd --write /
  sluice client-config containerd --upstream ghcr.io quay.io
  sluice client-config containerd --any-registry`;

const podmanHelp = `
Examples:
  sluice client-config podman > /etc/containers/registries.conf.d/sluice.conf
  sluice client-config podman --address https://mirror.example.com --skip-verify`;

const buildkitHelp = `
Examples:
  sluice client-config buildkit > buildkitd.toml
  docker buildx create --use --buildkitd-config buildkitd.toml`;

const k3sHelp = `
Examples:
  sluice client-config k3s > /etc/rancher/k3s/registries.yaml
  sluice client-config k3s --any-registry --address http://mirror.lan:5000`;
