import { parseAllDocuments } from "yaml";
import { inCheckout } from "./deploy.ts";
import { programPath } from "./real-program.ts";
import { mustRun } from "./run-program.ts";

/** As much of a Kubernetes object as the tests look at. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Labels;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: Spec;
}

export type Labels = Readonly<Record<string, string>>;

interface Spec {
  readonly selector?: Labels & { readonly matchLabels?: Labels };
  readonly podSelector?: { readonly matchLabels: Labels };
  readonly serviceName?: string;
  readonly ports?: readonly { readonly targetPort: string; readonly nodePort?: number }[];
  readonly ingress?: readonly Ingress[];
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
}

export interface Ingress {
  readonly from?: readonly unknown[];
  readonly ports: readonly { readonly port: string }[];
}

export interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly configMap?: { readonly name: string };
    readonly hostPath?: { readonly path: string };
  }[];
}

export interface Container {
  readonly image: string;
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

/** What kustomize makes of a directory of `deploy/kubernetes`. */
export async function kustomized(directory: string): Promise<Manifest[]> {
  const path = inCheckout(`deploy/kubernetes/${directory}`);
  const printed = await mustRun(programPath("kubectl"), ["kustomize", path]);
  return parseAllDocuments(printed).map((document) => document.toJS() as Manifest);
}

/** The only object of a kind, by that name if there may be several. */
export function only(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const [found, ...others] = manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  if (!found || others.length > 0)
    throw new Error(`${others.length + (found ? 1 : 0)} of ${kind} ${name ?? ""}`);
  return found;
}
