import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Figure } from './figure.ts';
import { figureName, ratioName } from './figure.ts';
import { FIGURES, goalsOf } from './goals.ts';
import type { KeptResults } from './kept-results.ts';
import { machineText } from './machine.ts';
import { fixed, grouped } from './text-table.ts';
import { WORKLOADS } from './workloads.ts';

/** Between these the README has what was kept last. */
const BEGIN = '<!-- What `npm run bench -- --readme` writes. -->';
const END = '<!-- Until here. -->';

const CONNECTIONS = [1, 16, 64] as const;

/** The results that were kept last, by the day in their files' names; undefined when there are none. */
export function newestResults(folder: string): string | undefined {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const newest = files.toSorted().at(-1);
  return newest === undefined ? undefined : join(folder, newest);
}

/** What the README says of results, as Markdown. */
export function readmeTable(results: KeptResults): string {
  const figures = Object.values(results.benches).flatMap((bench) => bench.figures);
  const days = Object.values(results.benches).map(({ startedAt }) => startedAt.slice(0, 10));
  const goals = goalsOf(figures);
  const missed = goals.filter(({ reached }) => !reached);
  return [
    `On ${machineText(results.machine)} (${days.toSorted().at(-1) ?? ''}):`,
    '',
    '| operation | connections | per second | against dynalite | against bare `node:http` |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...rateLines(figures),
    ...growthLines(figures),
    '',
    `${goals.length - missed.length} of ${goals.length} goals are reached.${missed.length === 0 ? '' : ' Not reached:'}`,
    ...(missed.length === 0 ? [] : ['']),
    ...missed.map(
      ({ text, measuredText, boundBy }) =>
        `- ${text}; it is ${measuredText}${boundBy === undefined ? '' : `: ${boundBy}`}`,
    ),
  ].join('\n');
}

function rateLines(figures: readonly Figure[]): readonly string[] {
  const valueOf = (name: string): number | undefined =>
    figures.find((figure) => figure.name === name)?.value;
  return WORKLOADS.flatMap(({ name: operation }) =>
    CONNECTIONS.flatMap((connections) => {
      const row = { operation, connections, target: 'tidemark' };
      const rate = valueOf(figureName(row, 'per second'));
      if (rate === undefined) return [];
      const cells = [operation, String(connections), grouped(rate)];
      const ratios = ['dynalite', 'bare'].map((by) => valueOf(ratioName({ ...row, by })));
      return `| ${[...cells, ...ratios.map((ratio) => (ratio === undefined ? '' : `${fixed(ratio, 2)} x`))].join(' | ')} |`;
    }),
  );
}

/** Of a table that grew, where that was measured. */
function growthLines(figures: readonly Figure[]): readonly string[] {
  const valueOf = (name: string): number | undefined =>
    figures.find((figure) => figure.name === name)?.value;
  const rows = GROWN_SIZES.flatMap((items) => {
    const times = GROWN_OPERATIONS.map((operation) =>
      valueOf(FIGURES.grownTimes(operation, items)),
    );
    if (times.every((value) => value === undefined)) return [];
    const cells = [
      grouped(items),
      ...times.map((value) => (value === undefined ? '' : `${fixed(value, 2)} x`)),
    ];
    return [`| ${[...cells, fixed(valueOf(FIGURES.grownMegabytes(items)), 0)].join(' | ')} |`];
  });
  if (rows.length === 0) return [];
  return [
    '',
    'As a table grows, by what it was with 10,000 items, which stay in memory (PutItem over five minutes, 16 connections):',
    '',
    '| items | GetItem | Query | PutItem | anonymous memory, MB |',
    '| ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ];
}

const GROWN_SIZES = [1_000_000, 10_000_000] as const;
const GROWN_OPERATIONS = ['GetItem', 'Query', 'PutItem'] as const;

/** The README with another table. Throws for one that has no place for it. */
export function withReadmeTable(readme: string, table: string): string {
  const [from, to] = placeIn(readme);
  return `${readme.slice(0, from)}\n\n${table}\n\n${readme.slice(to)}`;
}

/** What the README has there, as it is compared: whatever the widths of its columns. */
export const shownTable = (readme: string): string => readme.slice(...placeIn(readme));

function placeIn(readme: string): [from: number, to: number] {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new RangeError(`the README has no "${BEGIN}" with its end`);
  return [begin + BEGIN.length, end];
}
