import { type FaultResult, meetsTarget } from './play-fault.ts';

const HEAD = [
  'fault',
  'outage',
  'target',
  'without fault',
  'acknowledged',
  'lost',
  'converged after',
] as const;

/** The results as a table, and below it what went wrong and what else was seen. */
export function reportText(results: readonly FaultResult[]): string {
  const rows = [HEAD, ...results.map(rowOf)];
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  const table = rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  );
  return [...table, '', ...results.flatMap(linesOf), summaryOf(results)].join('\n');
}

export const isSurvived = ({ lost, wrong }: FaultResult): boolean =>
  lost === 0 && wrong.length === 0;

function rowOf(result: FaultResult): readonly string[] {
  const { fault, outageMs, calmMs, acknowledged, lost, convergedMs } = result;
  const missed = meetsTarget(result) ? '' : ' missed';
  return [
    `${fault.name}${isSurvived(result) ? '' : ' FAILED'}`,
    `${Math.round(outageMs)} ms`,
    fault.outageMsMax === undefined ? '-' : `${fault.outageMsMax} ms${missed}`,
    `${Math.round(calmMs)} ms`,
    String(acknowledged),
    String(lost),
    convergedMs === undefined ? 'never' : `${Math.round(convergedMs)} ms`,
  ];
}

const linesOf = ({ fault, wrong, notes }: FaultResult): readonly string[] => [
  ...wrong.map((line) => `${fault.name}: WRONG: ${line}`),
  ...notes.map((line) => `${fault.name}: ${line}`),
];

function summaryOf(results: readonly FaultResult[]): string {
  const failed = results.filter((result) => !isSurvived(result)).map(({ fault }) => fault.name);
  return failed.length === 0
    ? `${results.length} survived`
    : `${failed.length} of ${results.length} not survived: ${failed.join(', ')}`;
}
