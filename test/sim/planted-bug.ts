import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A bug on purpose, to see whether the worlds find it: see README.md for the format of its file. */
export interface PlantedBug {
  readonly name: string;
  /** What it breaks, in a sentence. */
  readonly breaks: string;
  /** The first seed that found it; undefined while none has. */
  readonly seed: number | undefined;
  readonly edits: readonly Edit[];
}

/** Whole lines of one file of the built code, and the lines that take their place. */
interface Edit {
  readonly file: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** A bug that cannot be read, or does not fit the code any more. */
export class PlantError extends Error {
  constructor(bug: string, why: string) {
    super(`planted bug ${bug}: ${why}`);
    this.name = 'PlantError';
  }
}

const SUFFIX = '.patch';
const SEED = /^Seed: (\d+)$/m;

/** All bugs of a folder, by name. Throws `PlantError`. */
export const readBugs = (folder: string): readonly PlantedBug[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(SUFFIX))
    .toSorted()
    .map((file) =>
      parseBug(file.slice(0, -SUFFIX.length), readFileSync(join(folder, file), 'utf8')),
    );

/** Notes in the bug's file which seed finds it. */
export function keepSeed(folder: string, { name }: PlantedBug, seed: number): void {
  const path = join(folder, `${name}${SUFFIX}`);
  const text = readFileSync(path, 'utf8');
  const line = `Seed: ${seed}`;
  const kept = SEED.test(text)
    ? text.replace(SEED, line)
    : text.replace(/^--- /m, `${line}\n\n--- `);
  writeFileSync(path, kept);
}

/** Throws `PlantError`. */
export function parseBug(name: string, text: string): PlantedBug {
  const [head = '', ...parts] = text.split(/^--- /m);
  const breaks = head.replace(SEED, '').trim().replaceAll(/\s+/g, ' ');
  if (breaks === '') throw new PlantError(name, 'it does not say what it breaks');
  if (parts.length === 0) throw new PlantError(name, 'it changes nothing');
  const seed = SEED.exec(head)?.[1];
  return {
    name,
    breaks,
    seed: seed === undefined ? undefined : Number(seed),
    edits: parts.flatMap((part) => editsOf(name, part)),
  };
}

/** A file's name, and its edits with a line `@@` between two of them. */
function editsOf(name: string, part: string): readonly Edit[] {
  const [file = '', ...lines] = part.split('\n');
  const edits: { file: string; before: string[]; after: string[] }[] = [];
  let edit: (typeof edits)[number] | undefined;
  for (const line of lines) {
    const [mark, rest] = [line.slice(0, 1), line.slice(1)];
    if (mark === '@' || line === '') {
      edit = undefined;
      continue;
    }
    if (mark !== ' ' && mark !== '-' && mark !== '+')
      throw new PlantError(name, `a line begins with neither space, - nor +: ${line}`);
    if (edit === undefined) {
      edit = { file, before: [], after: [] };
      edits.push(edit);
    }
    if (mark !== '+') edit.before.push(rest);
    if (mark !== '-') edit.after.push(rest);
  }
  for (const { before, after } of edits)
    if (before.length === 0 || before.join('\n') === after.join('\n'))
      throw new PlantError(name, `an edit of ${file} replaces nothing`);
  return edits;
}

/** Changes the built code in `folder`. Throws `PlantError` unless the lines of each edit stand there exactly once. */
export function plant(bug: PlantedBug, folder: string): void {
  for (const { file, before, after } of bug.edits) {
    const path = join(folder, file);
    const lines = readLines(bug, path, file);
    const places = lines.flatMap((_, at) =>
      before.every((line, offset) => lines[at + offset] === line) ? [at] : [],
    );
    const [place] = places;
    if (place === undefined || places.length > 1) {
      const often = places.length === 0 ? 'not' : `${places.length} times`;
      throw new PlantError(bug.name, `stands ${often} in ${file}:\n${before.join('\n')}`);
    }
    lines.splice(place, before.length, ...after);
    writeFileSync(path, lines.join('\n'));
  }
}

function readLines({ name }: PlantedBug, path: string, file: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    throw new PlantError(name, `there is no ${file} in the built code`);
  }
}

/** A copy of built code. */
export const copyBuilt = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.map') });
