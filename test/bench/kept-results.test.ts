import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { keepResults, readResults, ResultsError } from './kept-results.ts';
import { machineName, machineText, thisMachine } from './machine.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-kept-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const found = (name: string, value: number) => ({
  name,
  machine: thisMachine(),
  startedAt: '2026-11-21T10:00:00.000Z',
  options: { rounds: 3 },
  figures: [{ name: 'a rate: per second', value, better: 'more' as const }],
  details: { runs: [] },
});

test('benches of one day and machine share a file, each with what it found last', () => {
  const folder = join(temporaryFolder(), 'results');
  const file = keepResults(folder, found('suite', 1));
  expect(keepResults(folder, found('latency', 2))).toBe(file);
  expect(keepResults(folder, found('suite', 3))).toBe(file);
  expect(readdirSync(folder)).toHaveLength(1);
  const { benches, machine } = readResults(file);
  expect(Object.keys(benches)).toEqual(['suite', 'latency']);
  expect(benches['suite']?.figures[0]?.value).toBe(3);
  expect(machine.cores).toBeGreaterThan(0);
  expect(JSON.stringify(machine)).not.toContain(hostname());
});

test('a machine is named by its processor', () => {
  const machine = { ...thisMachine(), cpu: 'Intel(R) Xeon(R) CPU @ 2.20GHz', cores: 2 };
  expect(machineName(machine)).toBe('intel-xeon-cpu-2-20ghz-2-cores');
  expect(machineText({ ...machine, memoryBytes: 8 * 1024 ** 3, node: 'v20.1.0' })).toContain(
    'GHz, 2 cores, 8 GB, Node 20.1.0',
  );
});

test.each([
  ['no JSON', '{'],
  ["another program's", '{"benches": 1}'],
  ['another format', '{"format": 99, "machine": {}, "benches": {}}'],
  ['no figures', '{"format": 1, "machine": {}, "benches": {"suite": {"figures": [1]}}}'],
])('a file with %s is refused', (_, text) => {
  const file = join(temporaryFolder(), 'x.json');
  writeFileSync(file, text);
  expect(() => readResults(file)).toThrow(ResultsError);
});
