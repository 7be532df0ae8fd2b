import { present } from '../base/assert.ts';

/** One setting of the schema: what file, environment, help, docs and errors say of it. */
export interface ConfigMember {
  readonly path: readonly string[];
  /** The environment variable that overrides it. */
  readonly variable: string;
  readonly description: string;
  readonly unit: string | undefined;
  /** What it takes, in words. */
  readonly expected: string;
  /** Undefined where there is none: see `required`. */
  readonly defaultValue: unknown;
  readonly required: boolean;
  /** Whether its value must not be shown. */
  readonly secret: boolean;
  readonly shape: 'text' | 'number' | 'flag' | 'list' | 'object';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variable of a setting. */
export function variableOf(path: readonly string[]): string {
  const words = path.map((name) => name.replaceAll(/(?<=[a-z])(?=[A-Z])/gu, '_').toUpperCase());
  return ['TIDEMARK', ...words].join('_');
}

/** What the environment says instead of the file. */
export type Overrides = ReadonlyMap<ConfigMember, unknown>;

export function overridesOf(environment: Environment, members: readonly ConfigMember[]): Overrides {
  const overrides = new Map<ConfigMember, unknown>();
  for (const member of members) {
    const value = environment[member.variable];
    if (value !== undefined && value !== '') overrides.set(member, fromVariable(member, value));
  }
  return overrides;
}

/** What does not parse stays text, which the schema then refuses. */
function fromVariable(member: ConfigMember, value: string): unknown {
  if (member.shape === 'text') return value;
  if (member.shape === 'list') return value.split(',').map((element) => element.trim());
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** The value with the overrides put in; a value that is no object is left for the schema to refuse. */
export function override(value: unknown, overrides: Overrides): unknown {
  if (overrides.size === 0 || !isObject(value)) return value;
  const whole: Record<string, unknown> = { ...value };
  for (const [member, given] of overrides) {
    let at = whole;
    for (const name of member.path.slice(0, -1)) {
      const below = at[name];
      const copy = isObject(below) ? { ...below } : {};
      at[name] = copy;
      at = copy;
    }
    at[present(member.path.at(-1), 'the last name of a path')] = given;
  }
  return whole;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
