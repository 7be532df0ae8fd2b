/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** The samples of a scrape in Prometheus' text format, version 0.0.4. What is no sample is passed over. */
export function parsePrometheusText(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = line.startsWith('#') ? null : LINE.exec(line);
    if (match === null) return [];
    const [, name = '', labels = '', value = ''] = match;
    return { name, labels: labelsOf(labels), value: valueOf(value) };
  });
}

/**
 * The value that the share `quantile` of a histogram's observations did not exceed, by interpolation within a
 * bucket, as Prometheus' `histogram_quantile` does it. Takes the `_bucket` samples of one histogram, or of several with
 * the same buckets, which count together. Undefined when nothing was observed.
 */
export function histogramQuantile(
  buckets: readonly Sample[],
  quantile: number,
): number | undefined {
  const counts = new Map<number, number>();
  for (const { labels, value } of buckets) {
    const bound = valueOf(labels['le'] ?? '');
    counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  const wanted = (counts.get(Infinity) ?? 0) * quantile;
  if (wanted === 0) return undefined;
  let below = { bound: 0, count: 0 };
  for (const [bound, count] of [...counts].toSorted(([left], [right]) => left - right)) {
    if (count >= wanted) {
      if (bound === Infinity) return below.bound;
      const share = (wanted - below.count) / (count - below.count);
      return below.bound + (bound - below.bound) * share;
    }
    below = { bound, count };
  }
  return below.bound;
}

/** The sum of all samples of that name. */
export const sumOf = (samples: readonly Sample[], name: string): number =>
  samples.reduce((sum, sample) => (sample.name === name ? sum + sample.value : sum), 0);

function labelsOf(text: string): Readonly<Record<string, string>> {
  const found = [...text.matchAll(LABEL)];
  return Object.fromEntries(found.map(([, name = '', value = '']) => [name, unescaped(value)]));
}

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));

const valueOf = (text: string): number => (text === '+Inf' ? Infinity : Number(text));
