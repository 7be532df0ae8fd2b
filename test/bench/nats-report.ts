import type { Figure } from './figure.ts';
import { figuresOf } from './figure.ts';
import { FIGURES } from './goals.ts';
import { median } from './median.ts';
import { aligned, fixed, grouped } from './text-table.ts';

/** Processor time per record of the daemons, and of the target's nats-server. */
export interface CpuPerRecord {
  readonly sourceCpuUs: number | undefined;
  readonly targetCpuUs: number | undefined;
  readonly natsCpuUs: number | undefined;
}

/** One round of a steady load, with bare request and reply beside it. */
export interface Latency extends CpuPerRecord {
  readonly round: number;
  readonly writesPerSecond: number;
  readonly failures: number;
  /** Of the writes themselves, in their own region. */
  readonly writeP50Ms: number | undefined;
  readonly bareP50Ms: number | undefined;
  readonly bareP99Ms: number | undefined;
  /** What the target observed: from a write's commit in its region until it was durable in the target. */
  readonly records: number;
  readonly meanMs: number | undefined;
  /** Interpolated within a bucket of the target's histogram. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** One round of a link that was cut while there were writes, and mended. */
export interface CatchUp extends CpuPerRecord {
  readonly round: number;
  readonly cutSeconds: number;
  /** Items, while the link was cut. */
  readonly writtenPerSecond: number;
  readonly failures: number;
  /** That the source owed the target when the link was mended. */
  readonly records: number;
  /** From there until it owed none. */
  readonly seconds: number;
  readonly recordsPerSecond: number;
}

/** One round of writes to a global table at a rate, beside the same writes to a table of the one region. */
export interface Cost {
  readonly round: number;
  /** Lower than was asked where the region could not keep up; then the costs of the two are those of different loads. */
  readonly globalPerSecond: number;
  readonly regionalPerSecond: number;
  readonly failures: number;
  /** Microseconds of the writing daemon for each write. */
  readonly globalCpuUs: number | undefined;
  readonly regionalCpuUs: number | undefined;
  /** As the target observed it: from the commit in the source on. */
  readonly lagP50Ms: number | undefined;
  readonly lagP99Ms: number | undefined;
  /** The same from the time at which the write got its version, so that the source's own commit is in it. Undefined of earlier programs. */
  readonly writeAgeP50Ms: number | undefined;
  readonly writeAgeP99Ms: number | undefined;
}

export interface NatsRounds {
  readonly latencies: readonly Latency[];
  readonly costs: readonly Cost[];
  readonly catchUps: readonly CatchUp[];
}

const CPU_HEAD = ['CPU us each: source', 'target', 'NATS'];

const cpuCells = ({ sourceCpuUs, targetCpuUs, natsCpuUs }: CpuPerRecord): readonly string[] =>
  [sourceCpuUs, targetCpuUs, natsCpuUs].map((us) => fixed(us, 0));

/** How many times a bare request and reply a record takes, at the median. */
const timesBare = ({ p50Ms, bareP50Ms }: Latency): number | undefined =>
  p50Ms === undefined || bareP50Ms === undefined ? undefined : p50Ms / bareP50Ms;

/** How many times a regional write's processor time a global one takes. */
const timesRegional = ({ globalCpuUs, regionalCpuUs }: Cost): number | undefined =>
  globalCpuUs === undefined || regionalCpuUs === undefined || regionalCpuUs === 0
    ? undefined
    : globalCpuUs / regionalCpuUs;

/** By the medians over the rounds. */
export const natsFigures = ({ latencies, costs, catchUps }: NatsRounds): readonly Figure[] => [
  ...figuresOf('less', {
    [FIGURES.natsLatencyTimes]: median(latencies.map(timesBare)),
    [FIGURES.natsCpuTimes]: median(costs.map(timesRegional)),
    [FIGURES.natsLagP50]: median(costs.map(({ lagP50Ms }) => lagP50Ms)),
    [FIGURES.natsLagP99]: median(costs.map(({ lagP99Ms }) => lagP99Ms)),
    [FIGURES.natsWriteAgeP50]: median(costs.map(({ writeAgeP50Ms }) => writeAgeP50Ms)),
    [FIGURES.natsWriteAgeP99]: median(costs.map(({ writeAgeP99Ms }) => writeAgeP99Ms)),
  }),
  ...figuresOf('more', {
    [FIGURES.natsCatchUp]: median(catchUps.map(({ recordsPerSecond }) => recordsPerSecond)),
  }),
];

/** The tables for people. */
export function natsReportText({ latencies, costs, catchUps }: NatsRounds): string {
  const latencyTable = [
    [
      'round',
      'writes/s',
      'replicated p50 ms',
      'mean ms',
      'p99 ms',
      'bare NATS p50 ms',
      'p99 ms',
      'p50 is',
      ...CPU_HEAD,
    ],
    ...latencies.map((row) => [
      String(row.round),
      row.writesPerSecond.toFixed(0),
      fixed(row.p50Ms, 2),
      fixed(row.meanMs, 2),
      fixed(row.p99Ms, 2),
      fixed(row.bareP50Ms, 2),
      fixed(row.bareP99Ms, 2),
      `${fixed(timesBare(row), 1)} x`,
      ...cpuCells(row),
    ]),
  ];
  const costTable = [
    [
      'round',
      'global/s',
      'regional/s',
      'CPU us global',
      'regional',
      'global is',
      'lag p50 ms',
      'p99 ms',
      'with own commit p50 ms',
      'p99 ms',
    ],
    ...costs.map((row) => [
      String(row.round),
      grouped(row.globalPerSecond),
      grouped(row.regionalPerSecond),
      fixed(row.globalCpuUs, 0),
      fixed(row.regionalCpuUs, 0),
      `${fixed(timesRegional(row), 2)} x`,
      fixed(row.lagP50Ms, 2),
      fixed(row.lagP99Ms, 2),
      fixed(row.writeAgeP50Ms, 2),
      fixed(row.writeAgeP99Ms, 2),
    ]),
  ];
  const catchUpTable = [
    ['round', 'cut s', 'written/s', 'records', 'caught up in s', 'records/s', ...CPU_HEAD],
    ...catchUps.map((row) => [
      String(row.round),
      row.cutSeconds.toFixed(0),
      grouped(row.writtenPerSecond),
      grouped(row.records),
      row.seconds.toFixed(1),
      grouped(row.recordsPerSecond),
      ...cpuCells(row),
    ]),
  ];
  const failures = [...latencies, ...costs, ...catchUps].reduce(
    (sum, row) => sum + row.failures,
    0,
  );
  return [
    'Latency to the other region',
    ...aligned(latencyTable),
    '',
    'What a write of a global table costs',
    ...aligned(costTable),
    '',
    'Catching up after a cut',
    ...aligned(catchUpTable),
    ...(failures === 0 ? [] : ['', `${failures} writes failed`]),
    '',
  ].join('\n');
}
