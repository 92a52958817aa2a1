/** How an endpoint is, for operators. */
export interface EndpointStatus {
  readonly upstream: string;
  /** Its host, with the port where it has one. */
  readonly endpoint: string;
  /** `left alone` after failures, and `probed` while one request finds out whether it answers again. */
  readonly state: "asked" | "left alone" | "probed" | "offline";
  /** From 0 to 1: how well it answers. */
  readonly health: number;
  /** Why it is not asked, as the end of a sentence; null if it is. */
  readonly reason: string | null;
  /** How long it has not been asked, in ms; 0 if it is, or never is. */
  readonly forMs: number;
  /** How long until it is probed, in ms; 0 if it is asked, probed now, or never asked. */
  readonly leftMs: number;
}
