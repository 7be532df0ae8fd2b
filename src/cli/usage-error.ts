/** The command line was used in a way that it does not know. Printed without a stack; exits with 2. */
export class UsageError extends Error {
  /** The command whose help says more. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.name = 'UsageError';
    this.command = command;
  }
}
