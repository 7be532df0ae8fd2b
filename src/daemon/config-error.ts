/** Everything that is wrong with the configuration, found before anything starts. The command line exits with 2. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map((problem) => lineFor(problem)).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface ConfigProblem {
  /** The file, or the environment variable. */
  readonly source: string;
  /** From 1. */
  readonly line: number | undefined;
  /** The setting, with dots; empty for the whole file. */
  readonly path: string;
  /** What was expected, and what was found. */
  readonly message: string;
}

function lineFor({ source, line, path, message }: ConfigProblem): string {
  const where = line === undefined ? source : `${source}:${line}`;
  return path === '' ? `${where}: ${message}` : `${where}: ${path}: ${message}`;
}
