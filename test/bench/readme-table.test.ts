import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { KeptResults } from './kept-results.ts';
import { readResults } from './kept-results.ts';
import { thisMachine } from './machine.ts';
import { newestResults, readmeTable, shownTable, withReadmeTable } from './readme-table.ts';
import { packageFolder } from './server-process.ts';

const README = readFileSync(join(packageFolder(), 'README.md'), 'utf8');
const RESULTS = join(packageFolder(), 'test', 'bench', 'results');

/** A formatter may have set the widths of columns. */
const plain = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-').trim();

const figure = (name: string, value: number) => ({ name, value, better: 'more' as const });

const kept: KeptResults = {
  format: 1,
  machine: { ...thisMachine(), cpu: 'A processor' },
  benches: {
    suite: {
      startedAt: '2026-11-21T10:00:00.000Z',
      options: {},
      details: {},
      figures: [
        figure('GetItem, 16 connections, tidemark: per second', 20_000),
        figure('GetItem, 16 connections: tidemark by dynalite', 2.5),
        figure('GetItem, 16 connections: tidemark by bare', 0.3),
      ],
    },
  },
};

test('rates stand beside ratios, and goals that were missed are named', () => {
  const table = readmeTable(kept);
  expect(table).toContain('| GetItem | 16 | 20,000 | 2.50 x | 0.30 x |');
  expect(table).toContain('1 of 2 goals are reached. Not reached:');
  expect(table).toMatch(
    /^- GetItem, 16 connections: tidemark by bare: at least 0\.45.*it is 0\.30$/mu,
  );
  expect(table).toContain('A processor');
});

test('a table that grew has a table of its own, of the sizes that were measured', () => {
  expect(readmeTable(kept)).not.toContain('As a table grows');
  const figures = [
    figure('GetItem at 10000000 items: by the smallest table', 0.7),
    figure('PutItem at 10000000 items: by the smallest table', 0.5),
    figure('anonymous memory at 10000000 items: MB', 432.1),
  ];
  const growth = { startedAt: '2026-11-21T11:00:00.000Z', options: {}, details: {}, figures };
  const table = readmeTable({ ...kept, benches: { ...kept.benches, growth } });
  expect(table).toContain('| 10,000,000 | 0.70 x |  | 0.50 x | 432 |');
  expect(table).not.toContain('| 1,000,000 |');
});

test('the table takes the place of the one before', () => {
  const once = withReadmeTable(README, readmeTable(kept));
  expect(plain(shownTable(once))).toBe(plain(readmeTable(kept)));
  expect(withReadmeTable(once, readmeTable(kept))).toBe(once);
  expect(() => withReadmeTable('# Another', 'x')).toThrow(RangeError);
});

const newest = existsSync(RESULTS) ? newestResults(RESULTS) : undefined;

test.skipIf(newest === undefined)('the README shows what was kept last', () => {
  expect(plain(shownTable(README))).toBe(plain(readmeTable(readResults(newest ?? ''))));
});
