/**
 * What one client did at once: a transaction, or the write or read of one item. Values are never written twice, so that a value
 * tells its write.
 */
export interface Doing {
  readonly name: string;
  /** Per key what was read, undefined where nothing stood; of a write, what it replaced. */
  readonly saw: ReadonlyMap<string, string | undefined>;
  readonly wrote: ReadonlyMap<string, string>;
  /** In one order of all invocations and returns. `returned` is undefined where the client was not told the outcome. */
  readonly invoked: number;
  readonly returned: number | undefined;
}

/**
 * Why no order of all that was done explains what each saw and what stands at the end; undefined where one does. Every write
 * must have seen what it replaced. Such an order also has whatever returned before something else was invoked in front of
 * it: strictly serializable.
 *
 * Adya's dependencies as a graph: who read what another wrote comes after it, who replaced what another wrote too, and who read
 * what another replaced comes before it. A history is serializable when that has no cycle.
 */
export function explainHistory(
  doings: readonly Doing[],
  final: ReadonlyMap<string, string | undefined>,
): string | undefined {
  const writers = writersOf(doings);
  const chains = new Map<string, readonly (string | undefined)[]>();
  for (const [key, value] of final) {
    const chain = chainOf(key, value, writers);
    if (typeof chain === 'string') return chain;
    chains.set(key, chain.values);
  }
  const effective = new Set<Doing>();
  for (const doing of doings) {
    const there = [...doing.wrote].filter(
      ([key, value]) => chains.get(key)?.includes(value) === true,
    );
    if (there.length > 0 && there.length < doing.wrote.size)
      return `of what ${doing.name} wrote only ${there.map(([key]) => key).join(', ')} was ever there`;
    const isTold = doing.returned !== undefined;
    if (isTold && there.length < doing.wrote.size)
      return `${doing.name} was acknowledged, and what it wrote was never there`;
    if (there.length === doing.wrote.size && (isTold || doing.wrote.size > 0)) effective.add(doing);
  }
  const graph = graphOf([...effective], chains, writers);
  if (typeof graph === 'string') return graph;
  const cycle = cycleIn([...effective], graph);
  return cycle === undefined
    ? undefined
    : `no order explains ${cycle.map(({ name }) => name).join(' -> ')}`;
}

/** By key and value. */
type Writers = ReadonlyMap<string, Doing>;

const cell = (key: string, value: string | undefined): string => `${key}\n${value ?? ''}`;

const writersOf = (doings: readonly Doing[]): Writers =>
  new Map(
    doings.flatMap((doing) =>
      [...doing.wrote].map(([key, value]): [string, Doing] => [cell(key, value), doing]),
    ),
  );

/** The values of a key, one after the other, as those who replaced them say. */
function chainOf(
  key: string,
  last: string | undefined,
  writers: Writers,
): { readonly values: readonly (string | undefined)[] } | string {
  const values: (string | undefined)[] = [];
  for (let value = last; value !== undefined;) {
    if (values.includes(value)) return `${value} of ${key} replaced itself`;
    values.unshift(value);
    const writer = writers.get(cell(key, value));
    if (writer === undefined) return `nobody wrote ${value} of ${key}`;
    value = writer.saw.get(key);
  }
  return { values: [undefined, ...values] };
}

type Graph = ReadonlyMap<Doing, ReadonlySet<Doing>>;

function graphOf(
  doings: readonly Doing[],
  chains: ReadonlyMap<string, readonly (string | undefined)[]>,
  writers: Writers,
): Graph | string {
  const graph = new Map(doings.map((doing) => [doing, new Set<Doing>()]));
  const before = (first: Doing | undefined, second: Doing | undefined): void => {
    if (first !== undefined && second !== undefined && first !== second)
      graph.get(first)?.add(second);
  };
  for (const doing of doings)
    for (const [key, value] of doing.saw) {
      const chain = chains.get(key) ?? [undefined];
      const place = chain.indexOf(value);
      if (place === -1) return `${doing.name} saw ${value} of ${key}, which never was there`;
      if (value !== undefined) before(writers.get(cell(key, value)), doing);
      const next = chain[place + 1];
      if (next !== undefined) before(doing, writers.get(cell(key, next)));
    }
  for (const [first, second] of inTime(doings)) before(first, second);
  return graph;
}

/**
 * Who returned before another was invoked: not all pairs, which are many, but enough that all follow from them. Whoever was invoked
 * behind the first return of those that follow somebody follows him by way of that one.
 */
export function* inTime(doings: readonly Doing[]): Generator<readonly [Doing, Doing]> {
  const byStart = doings.toSorted((a, b) => a.invoked - b.invoked);
  const firstReturns: number[] = [];
  let least = Infinity;
  for (let at = byStart.length - 1; at >= 0; at -= 1) {
    least = Math.min(least, byStart[at]?.returned ?? Infinity);
    firstReturns[at] = least;
  }
  const byEnd = doings
    .filter(({ returned }) => returned !== undefined)
    .toSorted((a, b) => (a.returned ?? 0) - (b.returned ?? 0));
  let from = 0;
  for (const first of byEnd) {
    while ((byStart[from]?.invoked ?? Infinity) <= (first.returned ?? 0)) from += 1;
    const until = firstReturns[from] ?? Infinity;
    for (let at = from; at < byStart.length; at += 1) {
      const second = byStart[at];
      if (second === undefined || second.invoked > until) break;
      yield [first, second];
    }
  }
}

function cycleIn(doings: readonly Doing[], graph: Graph): readonly Doing[] | undefined {
  const done = new Set<Doing>();
  for (const start of doings) {
    const path: Doing[] = [];
    const open = new Map<Doing, Iterator<Doing>>();
    const enter = (doing: Doing): void => {
      path.push(doing);
      open.set(doing, (graph.get(doing) ?? new Set()).values());
    };
    if (!done.has(start)) enter(start);
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const next = open.get(at)?.next();
      if (next === undefined || next.done === true) {
        done.add(at);
        open.delete(at);
        path.pop();
      } else if (open.has(next.value)) return [...path.slice(path.indexOf(next.value)), next.value];
      else if (!done.has(next.value)) enter(next.value);
    }
  }
  return undefined;
}
