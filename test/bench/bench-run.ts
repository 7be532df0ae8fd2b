import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { BenchMode, BenchOptions } from './bench-options.ts';
import { comparisonText } from './build-comparison.ts';
import { compareBuilds } from './compare-builds.ts';
import { expiryBench } from './expiry-bench.ts';
import { expiryFigures, expiryReportText } from './expiry-report.ts';
import type { Figure } from './figure.ts';
import { growthBench } from './growth-bench.ts';
import { growthFigures, growthText } from './growth-report.ts';
import { readResults, ResultsError, resultsFolder } from './kept-results.ts';
import { latencyBench } from './latency-bench.ts';
import { latencyFigures, latencyText } from './latency-report.ts';
import { microBench } from './micro-bench.ts';
import { microFigures, microText } from './micro-report.ts';
import { natsBench } from './nats-bench.ts';
import { natsFigures, natsReportText } from './nats-report.ts';
import { profileBench } from './profile-bench.ts';
import { newestResults, readmeTable, withReadmeTable } from './readme-table.ts';
import { packageFolder } from './server-process.ts';
import { startBench } from './start-bench.ts';
import { startFigures, startText } from './start-report.ts';
import { suiteBench } from './suite-bench.ts';
import { suiteFigures, suiteText, summarize } from './suite-report.ts';

/** What a bench found. */
export interface BenchRun {
  /** For people. */
  readonly text: string;
  readonly figures: readonly Figure[];
  /** Its rounds, as they are kept. */
  readonly details: object;
}

interface Direction {
  /** Ends the bench between two runs. */
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

type Order = BenchOptions & Direction;
type Runners = {
  readonly [Kind in BenchMode['kind']]: (
    order: Order,
    mode: Extract<BenchMode, { kind: Kind }>,
  ) => Promise<BenchRun>;
};

const RUNNERS: Runners = {
  suite: async (order) => {
    const { runs, memory } = await suiteBench(order);
    const text = suiteText(summarize(runs), memory);
    return { text, figures: suiteFigures(runs, memory), details: { runs, memory } };
  },
  latency: async (order) => {
    const runs = await latencyBench(order);
    return { text: latencyText(runs), figures: latencyFigures(runs), details: { runs } };
  },
  micro: async (order) => {
    const runs = await microBench(order);
    return { text: microText(runs), figures: microFigures(runs), details: { runs } };
  },
  growth: async (order, mode) => {
    const runs = await growthBench({ ...order, ...mode });
    return { text: growthText(runs), figures: growthFigures(runs), details: { runs } };
  },
  start: async (order, { items }) => {
    const runs = await startBench({ ...order, items });
    return { text: startText(runs), figures: startFigures(runs), details: { runs } };
  },
  readme: async () => {
    const file = newestResults(resultsFolder());
    if (file === undefined) throw new ResultsError('no results are kept yet: see --keep');
    const readme = join(packageFolder(), 'README.md');
    const table = readmeTable(readResults(file));
    writeFileSync(readme, withReadmeTable(readFileSync(readme, 'utf8'), table));
    return { text: `README.md shows ${file}\n`, figures: [], details: {} };
  },
  profile: async (order, { operation }) => {
    const text = await profileBench({ ...order, operation });
    return { text, figures: [], details: {} };
  },
  against: async (order, { main }) => {
    const comparisons = await compareBuilds({ ...order, main });
    return { text: comparisonText(comparisons), figures: [], details: { comparisons } };
  },
  nats: async (order, mode) => {
    const rounds = await natsBench({ ...order, ...mode });
    return { text: natsReportText(rounds), figures: natsFigures(rounds), details: rounds };
  },
  expiry: async (order) => {
    const runs = await expiryBench(order);
    return { text: expiryReportText(runs), figures: expiryFigures(runs), details: { runs } };
  },
};

/** Runs the bench that the options name, to its end. */
export async function runBench(options: BenchOptions, direction: Direction): Promise<BenchRun> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its own runner takes it: see `Runners`
  const runner = RUNNERS[options.mode.kind] as (order: Order, mode: BenchMode) => Promise<BenchRun>;
  return runner({ ...options, ...direction }, options.mode);
}
