import { expect, test } from 'vitest';

import type { SubjectName } from '../../src/bus/subjects.ts';
import { subjectOf, SUBJECTS, WIRE_VERSION } from '../../src/bus/subjects.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its own keys
const names = Object.keys(SUBJECTS) as readonly SubjectName[];

test('a subject says the version of the wire, the region and what is asked', () => {
  expect(subjectOf('us-east-1', 'replication.ship')).toBe(
    `tidemark.v${WIRE_VERSION}.us-east-1.replication.ship`,
  );
});

test('every subject is made of tokens that any broker takes, and no two are one', () => {
  for (const name of names) expect(name).toMatch(/^[a-z]+(?:\.[a-z]+)+$/u);
  const all = ['a', 'b'].flatMap((region) => names.map((name) => subjectOf(region, name)));
  expect(new Set(all).size).toBe(all.length);
});
