import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';

import type { Environment } from './config-environment.ts';
import type { ConfigSource, RegionConfig } from './config.ts';
import { readConfig } from './config.ts';
import type { ConfigProblem } from './config-error.ts';
import { ConfigError } from './config-error.ts';

/** The regions of a folder: one for every `.yaml` file, by name of the file. Throws `ConfigError`. */
export async function loadConfigFolder(
  folder: string,
  environment: Environment,
): Promise<readonly RegionConfig[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new ConfigError([problem(folder, `cannot be read: ${wordsOf(error)}`)]);
  });
  const files = names.filter((name) => name.endsWith('.yaml')).toSorted();
  if (files.length === 0) {
    throw new ConfigError([
      problem(folder, 'expected a file such as us-east-1.yaml; there is none'),
    ]);
  }
  return loadConfigFiles(
    files.map((name) => join(folder, name)),
    environment,
  );
}

/**
 * The regions of these files, in their order. Throws `ConfigError` with what is wrong in all of them, names and
 * ports that two of them share included.
 */
export async function loadConfigFiles(
  paths: readonly string[],
  environment: Environment,
): Promise<readonly RegionConfig[]> {
  const problems: ConfigProblem[] = [];
  const loaded: Loaded[] = [];
  for (const path of paths) {
    try {
      const source = sourceOf(path, await read(path));
      loaded.push({ source, config: readConfig(source, environment) });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  problems.push(...clashes(loaded));
  if (problems.length > 0) throw new ConfigError(problems);
  return loaded.map(({ config }) => config);
}

interface Loaded {
  readonly source: ConfigSource;
  readonly config: RegionConfig;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigError([problem(path, `cannot be read: ${wordsOf(error)}`)]);
  }
}

/** The YAML of a file with the lines of its members. Throws `ConfigError` for what is no YAML. */
export function sourceOf(name: string, text: string): ConfigSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      ...problem(name, `expected YAML; ${error.message}`),
      line: lines.linePos(error.pos[0]).line,
    }));
    throw new ConfigError(problems);
  }
  return {
    name,
    value: valueOf(name, document),
    lineOf: (path) => {
      const offset = offsetOf(document, path);
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
  };
}

function valueOf(name: string, document: Document): unknown {
  try {
    return document.toJS() as unknown;
  } catch (error) {
    throw new ConfigError([problem(name, `expected plain YAML; ${wordsOf(error)}`)]);
  }
}

/** Where the member stands, or the nearest one above it that is there. */
function offsetOf(document: Document, path: readonly string[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node.range?.[0];
  }
  return undefined;
}

function clashes(loaded: readonly Loaded[]): ConfigProblem[] {
  const takenBy = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  for (const { source, config } of loaded) {
    const claims = [
      { path: 'region', what: `the name ${config.region}` },
      { path: 'endpoint.port', what: `port ${config.endpoint.port}` },
      { path: 'operations.port', what: `port ${config.operations.port}` },
    ];
    for (const { path, what } of claims) {
      const other = takenBy.get(what);
      if (other !== undefined) {
        const line = source.lineOf(path.split('.'));
        const message = `expected a value of its own; ${what} is taken by ${other}`;
        problems.push({ source: source.name, line, path, message });
      }
      if (what !== 'port 0') takenBy.set(what, `${path} of ${source.name}`);
    }
  }
  return problems;
}

const problem = (source: string, message: string): ConfigProblem => ({
  source,
  line: undefined,
  path: '',
  message,
});

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
