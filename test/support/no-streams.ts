import { AssertionError } from '../../src/base/assert.ts';
import type { TableStreams } from '../../src/streams/table-streams.ts';

const none = async (): Promise<never> => {
  throw new AssertionError('there is no stream');
};

/** Of a region without streams. */
export const NO_STREAMS: TableStreams = {
  list: () => [],
  find: () => undefined,
  shards: none,
  position: none,
  read: none,
};
