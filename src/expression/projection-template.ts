import type {
  Path,
  ProjectedElement,
  ProjectedMember,
  ProjectionExpression,
  ProjectionNode,
} from './ast.ts';
import { invalidExpression } from './messages.ts';
import { parseProjection } from './parse-projection.ts';
import { type Names, PathResolver, pathsFault } from './path-resolver.ts';

/** A projection has no values, so that its template is the expression itself. */
export interface ProjectionTemplate {
  readonly projection: ProjectionExpression;
  readonly names: ReadonlySet<string>;
}

/** Makes a template of a ProjectionExpression's text. Throws `ValidationException` for every fault in it. */
export function projectionTemplate(source: string, names: Names | undefined): ProjectionTemplate {
  const resolver = new PathResolver(names);
  const resolved = parseProjection(source).map((path) => resolver.resolve(path));
  const paths = resolved.map(({ path }) => path);
  const fault =
    resolver.reservedFault ??
    resolved.find((each) => each.fault !== undefined)?.fault ??
    pathsFault(paths);
  if (fault !== undefined) throw invalidExpression('ProjectionExpression', fault);
  return { projection: projectionOf(paths), names: new Set(resolver.used) };
}

/** The projection on paths of which no two overlap or conflict. */
export function projectionOf(paths: readonly Path[]): ProjectionExpression {
  return { members: membersOf(paths, 0) };
}

/** What the paths, alike up to `depth`, keep of the map there. */
function membersOf(paths: readonly Path[], depth: number): readonly ProjectedMember[] {
  const members: ProjectedMember[] = [];
  for (const [name, group] of groupByStep(paths, depth)) {
    members.push({ name: String(name), node: nodeOf(group, depth + 1) });
  }
  return members;
}

function nodeOf(paths: readonly Path[], depth: number): ProjectionNode {
  const step = paths[0]?.[depth];
  if (step === undefined) return { kind: 'whole' };
  return typeof step === 'number'
    ? { kind: 'list', elements: elementsOf(paths, depth) }
    : { kind: 'map', members: membersOf(paths, depth) };
}

function elementsOf(paths: readonly Path[], depth: number): readonly ProjectedElement[] {
  const elements: ProjectedElement[] = [];
  for (const [index, group] of groupByStep(paths, depth)) {
    elements.push({ index: Number(index), node: nodeOf(group, depth + 1) });
  }
  return elements.toSorted((a, b) => a.index - b.index);
}

function groupByStep(paths: readonly Path[], depth: number): Map<string | number, Path[]> {
  const groups = new Map<string | number, Path[]>();
  for (const path of paths) {
    const step = path[depth];
    if (step === undefined) continue;
    const group = groups.get(step);
    if (group === undefined) groups.set(step, [path]);
    else group.push(path);
  }
  return groups;
}
