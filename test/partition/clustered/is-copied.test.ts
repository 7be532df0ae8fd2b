import { expect, test } from 'vitest';

import { isCopied } from '../../../src/partition/clustered/is-copied.ts';
import type { NodeReport } from '../../../src/partition/clustered/region-nodes.ts';
import type { StorageNode } from '../../../src/storage/storage-node.ts';

interface Said {
  readonly applied: number;
  readonly isRebuilding?: boolean;
}

/** Whether entry 7 of partition 0 is copied enough; `undefined` is a node that is away, or a copy that is not there. */
function copied(own: Said | undefined, others: readonly (Said | undefined)[]): boolean {
  const copies = new Map(
    own === undefined
      ? []
      : [[0, { position: { index: own.applied }, rebuilding: own.isRebuilding ?? false }]],
  );
  const zones = ['b', 'c'];
  const report = (zone: string): NodeReport | undefined => {
    const said = others[zones.indexOf(zone)];
    if (said === undefined) return undefined;
    const partitions = [{ isRebuilding: false, ...said }];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is asked for
    return { partitions } as unknown as NodeReport;
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is asked for
  const node = { copies } as unknown as Pick<StorageNode, 'copies'>;
  return isCopied({ partition: 0, index: 7 }, { node, nodes: { others: zones, report } });
}

test('an entry is copied when two copies have applied it', () => {
  expect(copied({ applied: 7 }, [{ applied: 6 }, { applied: 7 }])).toBe(true);
  expect(copied({ applied: 7 }, [{ applied: 6 }, { applied: 6 }])).toBe(false);
  expect(copied({ applied: 6 }, [{ applied: 7 }, { applied: 7 }])).toBe(false);
  expect(copied(undefined, [{ applied: 7 }, { applied: 7 }])).toBe(false);
});

test('a copy that is being filled, or of a node that is away, is not waited for', () => {
  expect(copied({ applied: 7 }, [undefined, undefined])).toBe(true);
  expect(copied({ applied: 7 }, [undefined, { applied: 0, isRebuilding: true }])).toBe(true);
  expect(copied({ applied: 7 }, [undefined, { applied: 6 }])).toBe(false);
  expect(copied({ applied: 7, isRebuilding: true }, [{ applied: 7 }, undefined])).toBe(false);
});
