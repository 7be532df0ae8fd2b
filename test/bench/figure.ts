/** One number that a bench found: the median of its rounds where there are several. What is kept, compared and judged. */
export interface Figure {
  /** The same in every run that measures the same. Ends with its unit, after a colon, unless it is a ratio. */
  readonly name: string;
  readonly value: number;
  readonly better: 'more' | 'less';
}

type FigureNames = Readonly<Record<'operation' | 'target', string>> & {
  readonly connections: number;
};

/** What a rate, a latency or a cost of one target is called. `what` is such as `per second`. */
export const figureName = (
  { operation, connections, target }: FigureNames,
  what: 'per second' | 'p50 ms' | 'p99 ms' | 'CPU us',
): string => `${operation}, ${connections} connections, ${target}: ${what}`;

/** What the ratio of two targets' rates is called. */
export const ratioName = ({
  operation,
  connections,
  target,
  by,
}: FigureNames & { readonly by: string }): string =>
  `${operation}, ${connections} connections: ${target} by ${by}`;

/** Leaves out what was not measured. */
export const figuresOf = (
  better: Figure['better'],
  values: Readonly<Record<string, number | undefined>>,
): readonly Figure[] =>
  Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value, better }],
  );
