/**
 * A command cannot do what it was asked to, for a reason that its user can act on. The message is one
 * sentence that says what to do; it is all they see.
 */
export class CommandError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
  }
}

/** It was not asked in a way that means something. */
export class WrongUsage extends CommandError {}
