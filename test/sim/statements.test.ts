import { expect, test } from 'vitest';

import { MemoryRegion } from '../support/memory-region.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { Chronicle } from './chronicle.ts';
import { DEFINITION, keyBytes, valueOf, writeOf } from './client-item.ts';
import type { Action, Outcome } from './history.ts';
import { isStatementSeed, Speaker } from './statements.ts';
import { pickFrom } from './world-options.ts';

const TABLE = 'main';
const KEYS = ['a', 'b'] as const;

class SeededChronicle extends Chronicle {
  readonly seed = 4;
}

const speaker = (world: SeededChronicle): Speaker => new Speaker(world, 'c1');

async function asked(region: MemoryRegion, key: string, action: Action): Promise<Outcome> {
  const table = region.findTable(TABLE)?.number ?? 0;
  if (action.kind === 'read' || action.kind === 'read nearby') {
    const item = await region.getItem({ table, key: keyBytes(key), consistent: true });
    return { kind: 'read', seen: valueOf(item?.image) };
  }
  const { kind, before } = await region.write({ table, ...writeOf(key, action, 3) });
  return { kind, seen: valueOf(before?.image) };
}

function anyAction(random: SeededRandom, value: string, last: string): Action {
  const absent = { kind: 'absent' } as const;
  const standing = { kind: 'value', value: last } as const;
  return pickFrom<Action>(random, [
    { kind: 'read' },
    { kind: 'read nearby' },
    { kind: 'add' },
    { kind: 'write', value, expects: undefined },
    { kind: 'write', value, expects: absent },
    { kind: 'write', value, expects: standing },
    { kind: 'write', value: undefined, expects: undefined },
    { kind: 'write', value: undefined, expects: standing },
  ]);
}

test('a statement does what the native operation does, and sees the same', async () => {
  const [said, native] = [new MemoryRegion(), new MemoryRegion()];
  for (const region of [said, native]) await region.createTable(TABLE, DEFINITION);
  const world = new SeededChronicle();
  const client = speaker(world);
  const random = new SeededRandom(1);
  const kinds = new Set<string>();
  const last = new Map<string, string>();
  for (let step = 0; step < 1000; step += 1) {
    const key = pickFrom(random, KEYS);
    const action = anyAction(random, `v${step}`, last.get(key) ?? 'nothing');
    const expected = await asked(native, key, action);
    const spoken = await client.ask(said, { table: TABLE, key, action, fill: 3 });
    const outcome = spoken ?? (await asked(said, key, action));
    kinds.add(`${spoken === undefined ? 'native' : 'said'} ${outcome.kind}`);
    // Of an INSERT it is not told what was there.
    const told = outcome.kind === 'found' ? { ...expected, kind: 'refused' } : outcome;
    expect(told).toEqual(expected);
    if (action.kind === 'write' && action.value !== undefined && expected.kind === 'applied')
      last.set(key, action.value);
  }
  const all = ['said applied', 'said found', 'said read', 'said refused', 'native applied'];
  expect([...kinds].toSorted()).toEqual(all.toSorted());
  expect(world.violations).toEqual([]);
});

test('a transaction of statements replaces all or nothing, and reads all', async () => {
  const region = new MemoryRegion();
  await region.createTable(TABLE, DEFINITION);
  for (const key of KEYS)
    await asked(region, key, { kind: 'write', value: `${key}1`, expects: undefined });
  const client = speaker(new SeededChronicle());
  const half = [
    { key: 'a', value: 'a2', expects: 'a1' },
    { key: 'b', value: 'b2', expects: 'b0' },
  ];
  expect(await client.replace(region, TABLE, half)).toBe(false);
  expect(await client.readTogether(region, TABLE, KEYS)).toEqual(['a1', 'b1']);
  const whole = half.map((each) => ({ ...each, expects: `${each.key}1` }));
  expect(await client.replace(region, TABLE, whole)).toBe(true);
  expect(await client.readTogether(region, TABLE, KEYS)).toEqual(['a2', 'b2']);
});

test('about one seed in three speaks, and the same always says the same', () => {
  const seeds = Array.from({ length: 300 }, (_, seed) => seed);
  const speaking = seeds.filter(isStatementSeed);
  expect(speaking.length).toBeGreaterThan(70);
  expect(speaking.length).toBeLessThan(130);
  expect(seeds.filter(isStatementSeed)).toEqual(speaking);
});
