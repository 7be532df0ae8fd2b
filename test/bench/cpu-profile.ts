/** What the inspector's `Profiler.stop` gives: https://chromedevtools.github.io/devtools-protocol/v8/Profiler/ */
export interface CpuProfile {
  readonly nodes: readonly CpuProfileNode[];
  /** Node ids, one for each sample. */
  readonly samples?: readonly number[];
  /** Microseconds between samples, one for each. */
  readonly timeDeltas?: readonly number[];
}

interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0; -1 for none. */
  readonly lineNumber: number;
}

/** A frame with all that it called. */
export interface Frame {
  /** The function and where it stands. */
  readonly name: string;
  readonly selfMs: number;
  /** With all that it called. */
  readonly totalMs: number;
  readonly children: readonly Frame[];
}

export interface FunctionCost {
  readonly name: string;
  readonly selfMs: number;
  /** Where it is on the stack, counted once. */
  readonly totalMs: number;
}

/** V8's names for what is no function of the program: the root, and waiting for something to do. */
const NO_WORK = new Set(['(root)', '(idle)']);

/** What takes the profile is no part of what is measured: to start it alone takes long. */
const PROBE = /\/probe-script\.[jt]s$/;

const isWork = ({ callFrame: { functionName, url } }: CpuProfileNode): boolean =>
  !NO_WORK.has(functionName) && !PROBE.test(url);

/** The profile as a tree. Time that nothing was done in, and the profiler's own, is left out. Throws for a profile without samples or root. */
export function framesOf(profile: CpuProfile): Frame {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const [root] = profile.nodes;
  const { samples, timeDeltas } = profile;
  if (root === undefined || samples === undefined || timeDeltas === undefined)
    throw new RangeError('a CPU profile without samples');
  const selfUs = new Map<number, number>();
  for (const [at, id] of samples.entries()) {
    // Some deltas are below zero: the profiler's clocks are read on two threads.
    const us = Math.max(0, timeDeltas[at] ?? 0);
    selfUs.set(id, (selfUs.get(id) ?? 0) + us);
  }
  const frameOf = ({ id, callFrame, children = [] }: CpuProfileNode): Frame => {
    const below = children.flatMap((child) => {
      const node = nodes.get(child);
      return node === undefined || !isWork(node) ? [] : frameOf(node);
    });
    const selfMs = (selfUs.get(id) ?? 0) / 1000;
    const totalMs = below.reduce((sum, frame) => sum + frame.totalMs, selfMs);
    return { name: frameName(callFrame), selfMs, totalMs, children: below };
  };
  return frameOf(root);
}

/** The functions in which most time was spent, dearest first. */
export function dearestFunctions(root: Frame, count: number): readonly FunctionCost[] {
  const costs = new Map<string, { selfMs: number; totalMs: number }>();
  const add = (frame: Frame, above: ReadonlySet<string>): void => {
    const cost = costs.get(frame.name) ?? { selfMs: 0, totalMs: 0 };
    cost.selfMs += frame.selfMs;
    // What calls itself is on the stack already.
    if (!above.has(frame.name)) cost.totalMs += frame.totalMs;
    costs.set(frame.name, cost);
    const stack = new Set([...above, frame.name]);
    for (const child of frame.children) add(child, stack);
  };
  for (const child of root.children) add(child, new Set());
  return [...costs]
    .map(([name, cost]) => ({ name, ...cost }))
    .toSorted((left, right) => right.selfMs - left.selfMs)
    .slice(0, count);
}

/** The function, its file without the way to it, and its line. */
function frameName({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const parts = url.split('/');
  const packages = parts.lastIndexOf('node_modules');
  const place =
    packages >= 0 ? parts.slice(packages + 1).join('/') : parts.slice(-PLACE_PARTS).join('/');
  return `${name} ${place}:${lineNumber + 1}`;
}

/** The folder and the file. */
const PLACE_PARTS = 2;
