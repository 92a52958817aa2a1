import { h, type JSX } from "preact";
import type { Now } from "../../admin/routes/now.ts";
import { hostFromHere, useClientConfig } from "../clients/use-client-config.ts";
import { Copied } from "../parts/copied.ts";
import { hashOf } from "../route.ts";

/** What is shown before anything was pulled: how to. */
export function FirstPull({ now }: { readonly now: Now }): JSX.Element {
  const asked = useClientConfig("docker", null);
  const host = asked.kind === "answered" ? hostFromHere(asked.answer) : null;
  return h("div", { class: "first" }, [
    h("h2", null, "Nothing has been pulled yet"),
    h("p", null, "Try one by hand: the first pull fills the store, the second comes from it."),
    host !== null && h(Copied, { label: "the first pull", text: `docker pull ${host}/alpine` }),
    h("p", null, [
      "Then tell your clients: ",
      h("a", { href: hashOf("clients") }, "Docker, containerd, podman, BuildKit, k3s"),
      now.stats.since === null ? "" : ".",
    ]),
  ]);
}
