import { NESTING_LEVELS_MAX } from '../model/limits.ts';
import type { Path } from './ast.ts';
import {
  listIndexOutOfRange,
  nameNotDefined,
  pathsConflict,
  pathsOverlap,
  pathTooDeep,
  reservedKeyword,
} from './messages.ts';
import { isReservedWord } from './reserved-words.ts';
import type { PathPart, SyntaxPath } from './syntax.ts';

/** ExpressionAttributeNames. */
export type Names = Readonly<Record<string, string>>;

/** `fault` is what is wrong with the path, if anything; then `path` means nothing. */
export interface ResolvedPath {
  readonly path: Path;
  readonly fault: string | undefined;
}

/** Elements of a list beyond this index cannot be named. */
const LIST_INDEX_MAX = 2 ** 31 - 1;

/**
 * Turns the paths of one expression into real ones. Faults are kept, not thrown, because DynamoDB's order of
 * reporting them is not that of the text.
 */
export class PathResolver {
  readonly #names: Names;
  readonly #used = new Set<string>();
  #reserved: string | undefined;

  constructor(names: Names | undefined) {
    this.#names = names ?? {};
  }

  /** The name placeholders that paths have used so far. */
  get used(): readonly string[] {
    return [...this.#used];
  }

  /** What is wrong with the first name that is a reserved word. */
  get reservedFault(): string | undefined {
    return this.#reserved === undefined ? undefined : reservedKeyword(this.#reserved);
  }

  resolve({ parts }: SyntaxPath): ResolvedPath {
    const path: (string | number)[] = [];
    let fault: string | undefined;
    for (const part of parts) {
      const resolved = this.#part(part);
      path.push(resolved.step);
      fault ??= resolved.fault;
    }
    if (parts.length > NESTING_LEVELS_MAX) fault ??= pathTooDeep(parts.length);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the grammar puts a name first
    return { path: path as unknown as Path, fault };
  }

  #part(part: PathPart): { step: string | number; fault?: string } {
    if (part.kind === 'index') {
      const index = Number(part.digits);
      return index > LIST_INDEX_MAX
        ? { step: 0, fault: listIndexOutOfRange(part.digits) }
        : { step: index };
    }
    if (part.kind === 'word') {
      if (isReservedWord(part.text)) this.#reserved ??= part.text;
      return { step: part.text };
    }
    this.#used.add(part.text);
    const name = Object.hasOwn(this.#names, part.text) ? this.#names[part.text] : undefined;
    return name === undefined
      ? { step: part.text, fault: nameNotDefined(part.text) }
      : { step: name };
  }
}

/** What is wrong with `paths` together: two overlap, or two conflict. An overlap is reported first. */
export function pathsFault(paths: readonly Path[]): string | undefined {
  let conflict: string | undefined;
  for (const [i, two] of paths.entries()) {
    for (const one of paths.slice(0, i)) {
      const relation = relationOf(one, two);
      if (relation === 'overlap') return pathsOverlap(one, two);
      if (relation === 'conflict') conflict ??= pathsConflict(one, two);
    }
  }
  return conflict;
}

/**
 * Paths overlap when one begins with the other, and conflict when they would have one value be a map and a
 * list.
 */
function relationOf(one: Path, two: Path): 'overlap' | 'conflict' | 'apart' {
  const length = Math.min(one.length, two.length);
  for (let i = 0; i < length; i++) {
    if (typeof one[i] !== typeof two[i]) return 'conflict';
    if (one[i] !== two[i]) return 'apart';
  }
  return 'overlap';
}

export const samePath = (one: Path, two: Path): boolean =>
  one.length === two.length && relationOf(one, two) === 'overlap';
