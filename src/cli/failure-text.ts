import { ConfigError } from '../daemon/config-error.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './usage-error.ts';

/** What to print for an error that ends a command: words for an operator's error, the stack for one of ours. */
export function failureText(error: unknown): string {
  if (error instanceof ConfigError) {
    const count = error.problems.length;
    const head = `The configuration has ${count === 1 ? 'a problem' : `${count} problems`}; nothing was started.`;
    return `${head}\n${error.message}`;
  }
  if (error instanceof UsageError) {
    const help =
      error.command === undefined ? 'tidemark --help' : `tidemark ${error.command} --help`;
    return `tidemark: ${error.message}\nSee \`${help}\`.`;
  }
  if (!(error instanceof Error)) return `tidemark: ${String(error)}`;
  const operators = errorsIn(error).some((each) => codeOf(each) !== undefined);
  return `tidemark: ${operators ? withCauses(error) : (error.stack ?? error.message)}`;
}

/** What the process exits with for it. */
export const exitCodeFor = (error: unknown): number =>
  error instanceof ConfigError || error instanceof UsageError ? EXIT.usage : EXIT.failed;

/** The words of an operator's error and of what is behind it. */
export function withCauses(error: Error): string {
  const messages = errorsIn(error).map(({ message }) => message);
  const news = messages.filter((message, at) => messages[at - 1]?.includes(message) !== true);
  return news.join('\n  because: ');
}

/** The error and its causes. */
export function errorsIn(error: unknown): readonly Error[] {
  const errors: Error[] = [];
  for (let at = error; at instanceof Error && !errors.includes(at); at = at.cause) errors.push(at);
  return errors;
}

/** An operator's error has a code; it may stand behind one that says where it happened. */
export function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
