import { Counter, Gauge, Histogram, type HistogramConfiguration, Registry } from 'prom-client';

import type {
  CounterName,
  CounterOf,
  GaugeName,
  HistogramName,
  HistogramOf,
  LabelsOf,
  MetricDefinition,
  Metrics,
  SampleOf,
} from './metrics.ts';
import { METRICS } from './metrics.ts';

const MS_PER_SECOND = 1000;

type Labels = Readonly<Record<string, string>>;

/** What a collector yields, whichever gauge it is for. */
interface AnySample {
  readonly labels: Labels;
  readonly value?: number;
  readonly valueMs?: number;
}

/** Every method is there; the catalogue's types show only the one of the metric's unit. */
interface Recorder {
  add(amount: number): void;
  addMs(ms: number): void;
  observe(value: number): void;
  observeMs(ms: number): void;
}

type Collector = () => Iterable<AnySample>;

/**
 * A region's metrics for Prometheus, in a registry of their own: the process has no global one. Everything in
 * the catalogue is announced from the start, with samples once there are some.
 */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #collectors = new Map<string, Set<Collector>>();
  readonly #families = new Map<string, Family>();

  constructor() {
    for (const [name, definition] of Object.entries<MetricDefinition>(METRICS)) {
      if (definition.kind === 'gauge') this.#addGauge(name, definition);
      else this.#families.set(name, familyOf(name, definition, this.#registry));
    }
  }

  counter<Name extends CounterName>(name: Name, labels: LabelsOf<Name>): CounterOf<Name> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it has the method of every unit
    return this.#recorder(name, labels) as CounterOf<Name>;
  }

  histogram<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>): HistogramOf<Name> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it has the method of every unit
    return this.#recorder(name, labels) as HistogramOf<Name>;
  }

  gauge<Name extends GaugeName>(name: Name, collect: () => Iterable<SampleOf<Name>>): () => void {
    const collectors = this.#collectors.get(name);
    const collector = (): Iterable<AnySample> => collect();
    collectors?.add(collector);
    return () => {
      collectors?.delete(collector);
    };
  }

  /** The text of a scrape, in the exposition format that `contentType` names. */
  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #recorder(name: string, labels: Labels): unknown {
    const family = this.#families.get(name);
    if (family === undefined) throw new TypeError(`${name} is a gauge`);
    return family.recorder(labels);
  }

  #addGauge(name: string, definition: MetricDefinition): void {
    const collectors = new Set<Collector>();
    this.#collectors.set(name, collectors);
    const gauge = new Gauge({
      name,
      help: definition.help,
      labelNames: definition.labels,
      registers: [this.#registry],
      collect: () => {
        gauge.reset();
        // A reset gauge without labels shows a zero that nobody measured.
        if (definition.labels.length === 0) gauge.remove();
        for (const collect of collectors) setSamples(gauge, collect());
      },
    });
  }
}

function setSamples(gauge: Gauge, samples: Iterable<AnySample>): void {
  for (const { labels, value, valueMs } of samples) {
    const exported = valueMs === undefined ? value : valueMs / MS_PER_SECOND;
    if (exported !== undefined) gauge.set(labels, exported);
  }
}

/** The recorders of one metric, by the values of its labels in the catalogue's order. */
class Family {
  readonly #labelNames: readonly string[];
  readonly #make: (labels: Labels) => Recorder;
  readonly #root: Branch = { recorder: undefined, next: new Map() };

  constructor(labelNames: readonly string[], make: (labels: Labels) => Recorder) {
    this.#labelNames = labelNames;
    this.#make = make;
  }

  recorder(labels: Labels): Recorder {
    let branch = this.#root;
    for (const name of this.#labelNames) {
      const value = labels[name] ?? '';
      let next = branch.next.get(value);
      if (next === undefined) {
        next = { recorder: undefined, next: new Map() };
        branch.next.set(value, next);
      }
      branch = next;
    }
    branch.recorder ??= this.#make(labels);
    return branch.recorder;
  }
}

interface Branch {
  recorder: Recorder | undefined;
  readonly next: Map<string, Branch>;
}

/** Registers a counter or a histogram and makes recorders for it. */
function familyOf(name: string, definition: MetricDefinition, registry: Registry): Family {
  const { help, labels: labelNames, buckets = [] } = definition;
  const configuration = { name, help, labelNames, registers: [registry] };
  if (definition.kind === 'counter') {
    const counter = new Counter(configuration);
    return new Family(labelNames, (labels) => {
      const child = counter.labels(labels);
      return recorderOf((value) => child.inc(value));
    });
  }
  const histogram = new TallyHistogram({ ...configuration, buckets: [...buckets] });
  const family = new Family(labelNames, (labels) => recorderOf(histogram.tally(labels)));
  // One without labels shows zeros from the start.
  if (labelNames.length === 0) family.recorder({});
  return family;
}

interface Tally {
  readonly labels: Labels;
  /** What fell under each bound and above the one before; last what is above all. */
  readonly counts: Float64Array;
  sum: number;
}

/**
 * A histogram in which to record is to add: prom-client's own hashes the labels each time and keeps its counts under the
 * bounds as texts, for 1.5 µs of every request.
 */
class TallyHistogram extends Histogram {
  readonly #described: { readonly name: string; readonly help: string };
  readonly #bounds: Float64Array;
  readonly #tallies: Tally[] = [];

  constructor(configuration: HistogramConfiguration<string> & { readonly buckets: number[] }) {
    super(configuration);
    this.#described = { name: configuration.name, help: configuration.help };
    this.#bounds = Float64Array.from(configuration.buckets);
  }

  /** To be called once for the same labels. Values are to be finite. */
  tally(labels: Labels): (value: number) => void {
    const bounds = this.#bounds;
    const tally: Tally = { labels, counts: new Float64Array(bounds.length + 1), sum: 0 };
    this.#tallies.push(tally);
    const { counts } = tally;
    return (value) => {
      let place = 0;
      while (value > (bounds[place] ?? Infinity)) place += 1;
      counts[place] = (counts[place] ?? 0) + 1;
      tally.sum += value;
    };
  }

  /** What the library makes `get` and the registry's text of. */
  async getForPromString(): Promise<object> {
    const values = this.#tallies.flatMap((tally) => this.#samplesOf(tally));
    return { ...this.#described, type: 'histogram', aggregator: 'sum', values };
  }

  #samplesOf({ labels: sharedLabels, counts, sum }: Tally): Sample[] {
    const { name } = this.#described;
    let count = 0;
    const samples = Array.from(counts, (own, place): Sample => {
      count += own;
      const labels = { le: this.#bounds[place] ?? '+Inf' };
      return { metricName: `${name}_bucket`, labels, sharedLabels, value: count };
    });
    samples.push({ metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum });
    samples.push({ metricName: `${name}_count`, labels: {}, sharedLabels, value: count });
    return samples;
  }
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly sharedLabels: Labels;
  readonly value: number;
}

const recorderOf = (record: (value: number) => void): Recorder => ({
  add: record,
  addMs: (ms) => record(ms / MS_PER_SECOND),
  observe: record,
  observeMs: (ms) => record(ms / MS_PER_SECOND),
});
