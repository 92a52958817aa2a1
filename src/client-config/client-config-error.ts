/** A client cannot use this mirror, or not there; the message is one sentence that says what to do. */
export class ClientConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ClientConfigError";
  }
}
