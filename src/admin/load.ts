import { z } from "@hono/zod-openapi";
import { count } from "./answers.ts";

/** How much of the mirror an upstream takes. */
export interface UpstreamLoad {
  readonly upstream: string;
  /** In use now, of as many as there may be. */
  readonly connections: number;
  readonly mostConnections: number;
  /** Questions and downloads that wait for one. */
  readonly awaitingConnection: number;
  /** Requests of clients that wait for the upstream. */
  readonly awaitingAnswer: number;
  /** Whether some were refused for that, and it is not over. */
  readonly refuses: boolean;
}

export const loadSchema: z.ZodType<UpstreamLoad> = z.object({
  upstream: z.string(),
  connections: count.openapi({ description: "Connections to it that are in use." }),
  mostConnections: count.openapi({ description: "How many there may be." }),
  awaitingConnection: count.openapi({ description: "Questions and downloads that wait for one." }),
  awaitingAnswer: count.openapi({ description: "Requests of clients that wait for it." }),
  refuses: z.boolean().openapi({
    description: "Whether pulls were refused because it is slow, and that is not over.",
  }),
});
