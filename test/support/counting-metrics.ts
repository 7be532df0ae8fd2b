import type {
  CounterName,
  CounterOf,
  GaugeName,
  HistogramName,
  HistogramOf,
  LabelsOf,
  Metrics,
  SampleOf,
} from '../../src/telemetry/metrics.ts';

interface Sink {
  add(amount: number): void;
  addMs(ms: number): void;
  observe(value: number): void;
  observeMs(ms: number): void;
}

/** Adds up what counters are given, over all labels, and lets everything else go. */
export class CountingMetrics implements Metrics {
  readonly totals: Map<string, number>;
  readonly #sinks = new Map<string, Sink>();

  constructor(totals = new Map<string, number>()) {
    this.totals = totals;
  }

  counter<Name extends CounterName>(name: Name, _labels: LabelsOf<Name>): CounterOf<Name> {
    return this.#sink(name);
  }

  histogram<Name extends HistogramName>(name: Name, _labels: LabelsOf<Name>): HistogramOf<Name> {
    return this.#sink(name);
  }

  gauge<Name extends GaugeName>(_name: Name, _collect: () => Iterable<SampleOf<Name>>): () => void {
    return () => {};
  }

  #sink(name: string): Sink {
    let sink = this.#sinks.get(name);
    if (sink === undefined) {
      const add = (amount: number): void => {
        this.totals.set(name, (this.totals.get(name) ?? 0) + amount);
      };
      sink = { add, addMs: add, observe: () => {}, observeMs: () => {} };
      this.#sinks.set(name, sink);
    }
    return sink;
  }
}
