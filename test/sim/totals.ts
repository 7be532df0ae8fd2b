import type { WorldResult } from './run-world.ts';
import { STREAM_EVENTS, STREAM_FAULTS } from './stream/stream-options.ts';
import { FAULTS } from './world-options.ts';

/** What worlds count besides their faults. */
const EVENTS = [
  'duplicate',
  'process start',
  'rebuild',
  'resync',
  'conflict',
  'forgetting',
  'replica added',
  'replica removed',
  'replica lost',
  'region back',
  'index write',
  'local index checked',
  'index added',
  'index removed',
  'expiring write',
  'expired item',
  'transfer',
  'reading together',
  'rewriting',
  'counting',
  'token told again',
  'statement',
  'batch of statements',
  'transaction of statements',
  'stream checked',
  'whole stream checked',
  'expiry told',
] as const;

/** A world without its journal, as a child process reports it. */
export type WorldSummary = Omit<WorldResult, 'journal'>;

/** The last lines of a run: how much was lived through, and how often each fault and event happened. */
export function totalsText(results: readonly WorldSummary[]): string {
  const hours = sum(results.map(({ virtualMs }) => virtualMs)) / 3_600_000;
  const counted = (name: string): number => sum(results.map(({ counts }) => counts[name] ?? 0));
  const operations = results.map(({ counts }) => counts['acknowledged operation'] ?? 0);
  const failed = results.filter(({ violations }) => violations.length > 0);
  return [
    `${results.length} worlds, ${failed.length} failed, ${hours.toFixed(2)} virtual hours, ${sum(operations)} acknowledged operations`,
    `faults: ${FAULTS.map((name) => `${name} ${counted(name)}`).join(', ')}`,
    `events: ${EVENTS.map((name) => `${name} ${counted(name)}`).join(', ')}`,
    `in stream worlds: ${[...STREAM_FAULTS, ...STREAM_EVENTS].map((name) => `${name} ${counted(name)}`).join(', ')}`,
    `median world: ${median(results.map(({ regions }) => regions))} regions of 3 zones, ${median(operations)} acknowledged operations, ${Math.round(median(results.map(({ virtualMs }) => virtualMs)) / 1000)} virtual seconds`,
  ].join('\n');
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0);

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
