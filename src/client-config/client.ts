import type { MirrorForClients } from "./mirror-for-clients.ts";

/** A program that pulls images, and how it is told of the mirror. */
export interface Client {
  /** The upstream that its requests mean without saying so; null: they say which. */
  readonly means: string | null;
  /** Throws ClientConfigError if the client cannot use this mirror. */
  readonly configure: (mirror: MirrorForClients) => ClientConfig;
  /** How it logs in, for mirrors that ask for it. */
  readonly logIn: (host: string) => string;
  /** Where it has the certificate that it shows to mirrors which ask for one. */
  readonly certificateAt: (host: string) => string;
}

/** A file that a client reads, and where it reads it. */
export interface ClientFile {
  /** Absolute. */
  readonly path: string;
  /** All of it, as it is to be written. */
  readonly text: string;
}

/** The configuration of one client. */
export interface ClientConfig {
  readonly files: readonly ClientFile[];
  /** What its user has to know beside the files: a sentence each. */
  readonly notes: readonly string[];
}

/** What a client needs for a mirror. Throws as `configure` does. */
export function configOf(client: Client, mirror: MirrorForClients): ClientConfig {
  const { files, notes } = client.configure(mirror);
  const logIn = mirror.takesLogin ? [client.logIn(mirror.host)] : [];
  const shown = mirror.takesCertificate ? [showsCertificate(client, mirror.host)] : [];
  return { files, notes: [...mirror.notes, ...notes, ...logIn, ...shown] };
}

function showsCertificate({ certificateAt }: Client, host: string): string {
  return `the mirror asks for a client certificate; this client shows the one that it has in ${certificateAt(host)}`;
}

const writtenBy = "written by sluice client-config";

/** A file whose first line, a comment, says where it belongs and who wrote it. */
export function commented(path: string, body: string): ClientFile {
  return { path, text: `# ${path}, ${writtenBy}\n${body}` };
}

/** Whether a file that is there came from here, so that another may take its place. */
export function isOurs(text: string): boolean {
  return text.startsWith("# ") && (text.split("\n", 1)[0] ?? "").endsWith(writtenBy);
}
