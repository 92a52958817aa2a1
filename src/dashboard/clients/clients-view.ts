import { h, type JSX } from "preact";
import type { ClientConfigAnswer } from "../../admin/routes/client-config.ts";
import { Answered } from "../parts/answered.ts";
import { Copied } from "../parts/copied.ts";
import { Section } from "../parts/section.ts";
import { Tabs } from "../parts/tabs.ts";
import { hashOf, type Route } from "../route.ts";
import { go } from "../use-route.ts";
import { shown } from "../words.ts";
import { type ClientName, clients, hostFromHere, useClientConfig } from "./use-client-config.ts";

const titles: Readonly<Record<ClientName, string>> = {
  docker: "Docker",
  containerd: "containerd, Kubernetes",
  podman: "podman, CRI-O, buildah, skopeo",
  buildkit: "BuildKit",
  k3s: "k3s, RKE2",
};

/** What clients need to pull through this mirror, ready to be copied. */
export function ClientsView({ route: { query } }: { readonly route: Route }): JSX.Element {
  const client = clients.find((one) => one === query["client"]) ?? "docker";
  const address = query["address"] ?? null;
  const asked = useClientConfig(client, address);
  const show = (next: Record<string, string>): void =>
    go(hashOf("clients", { client, ...(address === null ? {} : { address }), ...next }));
  return h("div", { class: "view" }, [
    h("h1", null, "Clients"),
    h(
      "p",
      { class: "lead" },
      "What a client needs to pull through this mirror. With these files its pulls come here first, and it goes on to the registry where the mirror does not help.",
    ),
    h(Tabs, {
      label: "Client",
      tabs: clients.map((one) => ({ name: one, title: titles[one] })),
      chosen: client,
      choose: (name) => show({ client: name }),
    }),
    h(AddressForm, {
      key: address,
      address: address ?? (asked.kind === "answered" ? asked.answer.address : ""),
      choose: (written) => show({ address: written }),
    }),
    h(Answered<ClientConfigAnswer>, { asked, show: (answer) => h(Files, { answer }) }),
  ]);
}

function AddressForm({
  address,
  choose,
}: {
  readonly address: string;
  readonly choose: (address: string) => void;
}): JSX.Element {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = new FormData(event.currentTarget as HTMLFormElement).get("address");
    if (typeof field === "string" && field !== "") choose(field.trim());
  };
  return h("form", { class: "inline", onSubmit: submit }, [
    h("label", { for: "address" }, "Clients reach the mirror at"),
    h("input", {
      id: "address",
      name: "address",
      defaultValue: address,
      key: address,
      spellcheck: false,
      inputMode: "url",
    }),
    h("button", { type: "submit" }, "Use it"),
  ]);
}

function Files({ answer }: { readonly answer: ClientConfigAnswer }): JSX.Element {
  return h("div", { class: "files" }, [
    answer.files.map(({ path, text }) =>
      h(Section, { key: path, title: shown(path) }, h(Copied, { label: shown(path), text })),
    ),
    h(
      "ul",
      { class: "notes" },
      answer.notes.map((note) => h("li", { key: note }, `${shown(note)}.`)),
    ),
    h(
      Section,
      { title: "By hand" },
      h(Copied, { label: "a pull by hand", text: `docker pull ${hostFromHere(answer)}/alpine` }),
    ),
  ]);
}
