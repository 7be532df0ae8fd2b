import { present } from '../../src/base/assert.ts';
import type { ShardPosition } from '../../src/streams/table-streams.ts';
import type { WorldNode } from './clustered-region.ts';

/** All that the table's stream tells at a node, shard by shard, parents first. */
export async function told(
  by: WorldNode,
  table: string,
): Promise<readonly (readonly [string, number])[]> {
  const { streams } = by.engine.region;
  const stream = present(
    streams.list().find(({ tableName }) => tableName === table),
    'a stream',
  );
  const found: (readonly [string, number])[] = [];
  for (const { place } of await streams.shards(stream))
    for (let position: ShardPosition | undefined = { kind: 'horizon' }; position !== undefined;) {
      const bounds = { recordsMax: 50, bytesMax: 1024 * 1024, metadata: false };
      const { records, next, isAtEnd } = await streams.read(stream, place, position, bounds);
      for (const { json } of records) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what streams tell
        const { dynamodb } = JSON.parse(json) as WireRecord;
        found.push([dynamodb.Keys.id.S, Number(dynamodb.NewImage.v.S)]);
      }
      position = isAtEnd ? undefined : next;
    }
  return found;
}

interface WireRecord {
  readonly dynamodb: {
    readonly Keys: { readonly id: { readonly S: string } };
    readonly NewImage: { readonly v: { readonly S: string } };
  };
}
