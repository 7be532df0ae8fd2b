import type { Figure } from './figure.ts';
import { figureName, ratioName } from './figure.ts';
import { LATENCY_OPERATIONS } from './latency-operations.ts';
import { aligned, fixed } from './text-table.ts';

/** What a figure is to reach, in the words of the table that is shown. */
interface GoalDefinition {
  readonly figure: string;
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
  /** What it says that its name does not. */
  readonly note?: string;
  /** What stands in its way where it is not reached, as profiles and paired runs told. */
  readonly boundBy?: string;
}

/** A goal of which something was measured. */
export interface Goal {
  readonly text: string;
  /** Undefined where that is not known. */
  readonly boundBy: string | undefined;
  readonly measured: number;
  /** For people: with as many digits as tell it from a bound that it misses. */
  readonly measuredText: string;
  readonly reached: boolean;
}

const atLeast = (least: number, figure: string, note?: string): GoalDefinition => ({
  figure,
  bound: { atLeast: least },
  ...(note === undefined ? {} : { note }),
});

const atMost = (most: number, figure: string, note?: string): GoalDefinition => ({
  figure,
  bound: { atMost: most },
  ...(note === undefined ? {} : { note }),
});

/** With what bounds them all. */
const allBoundBy = (words: string, goals: readonly GoalDefinition[]): readonly GoalDefinition[] =>
  goals.map((goal) => ({ ...goal, boundBy: words }));

/** Of a figure beside its bound. */
const DIGITS_MAX = 6;

const BOTH = [16, 64] as const;
const SINGLE_ITEM = ['GetItem', 'PutItem', 'UpdateItem'] as const;
/** Peers that are measured where they are installed, and how many times their rate is the goal. */
const OPTIONAL_PEERS = { 'dynamodb-local': 3, dynoxide: 1 } as const;

const against = (operation: string, connections: number, by: string): string =>
  ratioName({ operation, connections, target: 'tidemark', by });

/** Names of figures that benches and goals share. */
export const FIGURES = {
  idleMegabytes: 'an idle daemon of one region: MB',
  expirySeconds: '10,000 expired items gone: s',
  expiryP99Times: 'PutItem beside expiry: p99 by p99 alone',
  natsLatencyTimes: 'a write to the other region: p50 by bare NATS request and reply',
  natsCatchUp: 'catching up after a cut: records per second',
  natsCpuTimes: 'a write of a global table: CPU of the writing daemon by that of a regional table',
  natsLagP50: 'lag at 2,000 writes per second: p50 ms',
  natsLagP99: 'lag at 2,000 writes per second: p99 ms',
  natsWriteAgeP50:
    'a write to the other region, its own commit included, at 2,000 per second: p50 ms',
  natsWriteAgeP99:
    'a write to the other region, its own commit included, at 2,000 per second: p99 ms',
  halfPeakP99: (operation: string, beside: string): string =>
    `${operation} at half of its peak, ${beside}: p99 ms`,
  longestRun: (operation: string, beside: string): string =>
    `${operation} at half of its peak, ${beside}: longest run of the event loop ms`,
  grownTimes: (operation: string, items: number): string =>
    `${operation} at ${items} items: by the smallest table`,
  grownMegabytes: (items: number): string => `anonymous memory at ${items} items: MB`,
  startSeconds: (how: string, items: number): string => `start after ${how} with ${items} items: s`,
} as const;

/** How p99 at half of the peak is measured: by itself, and with all that a region does in the background. */
export const ALONE = 'alone';
export const BESIDE = 'beside compaction, a Scan and a bootstrap';

const GROWN = 10_000_000;
const STARTED = 1_000_000;

const THREE_COPIES = 'three log files and three stores are written for each item';
const COLLECTOR =
  "the collector's pause of some 10 ms, and its thread beside the event loop on two cores";
const TWO_CORES = 'with the other region and the generators it wants more than two cores';
const FROM_MEMORY =
  'the smallest table is answered from memory; in the largest each read looks into a table of each level, and LevelDB merges meanwhile what reads look past';
const PAGES =
  'the smallest table is answered from memory; of the largest LevelDB reads each page in another thread, and its binding makes two buffers of each item';
const MERGING =
  'what stands at a key is read in another thread first, and three stores merge their tables on the same two cores';
const OPEN_TABLES =
  'three stores keep the indexes of their tables in memory, beside a heap that is let grow for shorter pauses';
const TWO_DAEMONS =
  'two daemons, two brokers and the generator share two cores, and what arrives while new objects are collected waits';

/** Every goal, in the order in which they are shown. */
export const GOALS: readonly GoalDefinition[] = [
  atLeast(0.45, against('GetItem', 16, 'bare'), 'a node:http server that parses nothing'),
  ...BOTH.map((count) => atLeast(2, against('GetItem', count, 'dynalite'))),
  ...allBoundBy(THREE_COPIES, [
    atLeast(1.2, against('PutItem', 16, 'dynalite'), 'which syncs nothing'),
    atLeast(1.5, against('PutItem', 64, 'dynalite')),
    ...BOTH.map((connections) =>
      atLeast(
        1.6,
        ratioName({ operation: 'PutItem', connections, target: 'relaxed', by: 'dynalite' }),
      ),
    ),
    ...BOTH.map((count) => atLeast(1.5, against('UpdateItem', count, 'dynalite'))),
  ]),
  ...BOTH.map((connections) =>
    atLeast(
      5000,
      figureName({ operation: 'hot UpdateItem', connections, target: 'tidemark' }, 'per second'),
    ),
  ),
  ...BOTH.map((count) => atLeast(5, against('Query', count, 'dynalite'))),
  atLeast(0.6, against('Scan', 1, 'level'), 'in items, by iterating the same items'),
  ...allBoundBy(
    THREE_COPIES,
    BOTH.map((count) => atLeast(2.5, against('BatchWriteItem', count, 'dynalite'))),
  ),
  ...LATENCY_OPERATIONS.flatMap((operation) =>
    [ALONE, BESIDE].flatMap((beside) =>
      allBoundBy(beside === ALONE ? COLLECTOR : TWO_CORES, [
        atMost(5, FIGURES.halfPeakP99(operation, beside)),
        atMost(5, FIGURES.longestRun(operation, beside)),
      ]),
    ),
  ),
  atMost(1.5, FIGURES.natsCpuTimes),
  ...allBoundBy(TWO_DAEMONS, [atMost(3, FIGURES.natsLagP50), atMost(20, FIGURES.natsLagP99)]),
  atMost(10, FIGURES.natsLatencyTimes),
  atLeast(10_000, FIGURES.natsCatchUp),
  ...allBoundBy(FROM_MEMORY, [atLeast(0.6, FIGURES.grownTimes('GetItem', GROWN))]),
  ...allBoundBy(PAGES, [atLeast(0.6, FIGURES.grownTimes('Query', GROWN))]),
  ...allBoundBy(MERGING, [atLeast(0.5, FIGURES.grownTimes('PutItem', GROWN))]),
  ...allBoundBy(OPEN_TABLES, [atMost(600, FIGURES.grownMegabytes(GROWN))]),
  atMost(1, FIGURES.startSeconds('a clean stop', STARTED)),
  atMost(3, FIGURES.startSeconds('kill -9', STARTED)),
  ...BOTH.map((count) => atLeast(0.9, `streamed PutItem, ${count} connections: by PutItem`)),
  ...BOTH.map((count) =>
    atLeast(0.25, `TransactWriteItems, ${count} connections: by PutItem`, 'in items'),
  ),
  atMost(150, FIGURES.idleMegabytes),
  atMost(10, FIGURES.expirySeconds),
  atMost(1.5, FIGURES.expiryP99Times),
  ...Object.entries(OPTIONAL_PEERS).flatMap(([peer, times]) =>
    [...SINGLE_ITEM, 'Query', 'BatchWriteItem'].map((operation) =>
      atLeast(times, against(operation, 16, peer)),
    ),
  ),
];

/** The goals of which the figures say something. */
export function goalsOf(figures: readonly Figure[]): readonly Goal[] {
  return GOALS.flatMap(({ figure, bound, note, boundBy }) => {
    const measured = figures.find(({ name }) => name === figure)?.value;
    if (measured === undefined) return [];
    const limit = 'atLeast' in bound ? bound.atLeast : bound.atMost;
    const words = `${'atLeast' in bound ? 'at least' : 'at most'} ${limit}`;
    return {
      text: `${figure}: ${words}${note === undefined ? '' : ` (${note})`}`,
      boundBy,
      measured,
      measuredText: textBeside(limit, measured),
      reached: 'atLeast' in bound ? measured >= limit : measured <= limit,
    };
  });
}

function textBeside(limit: number, measured: number): string {
  for (let digits = 2; digits < DIGITS_MAX; digits += 1) {
    const text = fixed(measured, digits);
    if (measured === limit || Number(text) !== limit) return text;
  }
  return fixed(measured, DIGITS_MAX);
}

/** The goals for people; empty when there are none. */
export function goalsText(figures: readonly Figure[]): string {
  const goals = goalsOf(figures);
  if (goals.length === 0) return '';
  const lines = goals.map(({ text, measuredText, reached }) => [
    reached ? 'reached' : 'FELL SHORT',
    measuredText,
    text,
  ]);
  const missed = goals.filter(({ reached }) => !reached).length;
  return [
    '',
    `Goals: ${goals.length - missed} of ${goals.length} reached`,
    ...aligned(lines, [0, 2]).map((line) => `  ${line}`),
    '',
  ].join('\n');
}
