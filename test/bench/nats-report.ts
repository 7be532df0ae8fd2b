import { type Goal, median } from './report.ts';
import { aligned, fixed, goalLine } from './report.ts';

const LATENCY_TIMES_MAX = 10;
const CATCH_UP_PER_SECOND_MIN = 10_000;

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
  /** What the target observed: from the time that a write got in its region until it was durable in the target. */
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

const CPU_HEAD = ['CPU us each: source', 'target', 'NATS'];

const cpuCells = ({ sourceCpuUs, targetCpuUs, natsCpuUs }: CpuPerRecord): readonly string[] =>
  [sourceCpuUs, targetCpuUs, natsCpuUs].map((us) => fixed(us, 0));

/** How many times a bare request and reply a record takes, at the median. */
const timesBare = ({ p50Ms, bareP50Ms }: Latency): number | undefined =>
  p50Ms === undefined || bareP50Ms === undefined ? undefined : p50Ms / bareP50Ms;

/** By the medians over the rounds. */
export function natsGoalsOf(
  latencies: readonly Latency[],
  catchUps: readonly CatchUp[],
): readonly Goal[] {
  const times = median(latencies.map(timesBare));
  const perSecond = median(catchUps.map(({ recordsPerSecond }) => recordsPerSecond));
  return [
    {
      text: `from a write to its being durable in the other region, p50: within ${LATENCY_TIMES_MAX} x bare NATS request/reply`,
      measured: times,
      reached: (times ?? Infinity) <= LATENCY_TIMES_MAX,
    },
    {
      text: 'catching up after a cut: at least 10,000 records per second',
      measured: perSecond,
      reached: (perSecond ?? 0) >= CATCH_UP_PER_SECOND_MIN,
    },
  ];
}

/** The whole report for people. */
export function natsReportText(
  latencies: readonly Latency[],
  catchUps: readonly CatchUp[],
): string {
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
  const catchUpTable = [
    ['round', 'cut s', 'written/s', 'records', 'caught up in s', 'records/s', ...CPU_HEAD],
    ...catchUps.map((row) => [
      String(row.round),
      row.cutSeconds.toFixed(0),
      Math.round(row.writtenPerSecond).toLocaleString('en-US'),
      row.records.toLocaleString('en-US'),
      row.seconds.toFixed(1),
      Math.round(row.recordsPerSecond).toLocaleString('en-US'),
      ...cpuCells(row),
    ]),
  ];
  const failures = [...latencies, ...catchUps].reduce((sum, row) => sum + row.failures, 0);
  return [
    'Latency to the other region',
    ...aligned(latencyTable),
    '',
    'Catching up after a cut',
    ...aligned(catchUpTable),
    ...(failures === 0 ? [] : ['', `${failures} writes failed`]),
    '',
    'Goals',
    ...natsGoalsOf(latencies, catchUps).map(goalLine),
    '',
  ].join('\n');
}
