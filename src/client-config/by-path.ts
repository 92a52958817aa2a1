import { ClientConfigError } from "./client-config-error.ts";
import type { MirroredRegistry, MirrorForClients } from "./mirror-for-clients.ts";

export interface ByPath {
  /** At least one. */
  readonly registries: readonly (MirroredRegistry & { readonly prefix: string })[];
  readonly notes: readonly string[];
}

/** The registries that a path can name. Throws ClientConfigError if there is none. */
export function byPath({ registries }: MirrorForClients): ByPath {
  const able = registries.flatMap((registry) =>
    registry.prefix === null ? [] : [{ ...registry, prefix: registry.prefix }],
  );
  const notes = registries.filter(({ prefix }) => prefix === null).map(({ name }) => whyNot(name));
  if (able.length === 0) throw new ClientConfigError(notes.join("; "));
  return { registries: able, notes };
}

function whyNot(name: string): string {
  return `${name} is left out, for this client takes no colon in a path; give it a name without: upstreams."${name}".aliases: [${name.replace(/:\d+$/, "")}]`;
}
