import { ClientError } from '../../../src/model/errors.ts';
import type { LocalPartition } from '../../../src/partition/local-partition.ts';
import { partitionOf } from '../../../src/storage/key-layout.ts';
import { isBug, keyBytes, valueOf, writeOf } from '../client.ts';
import type { Action, Expectation, Operation, Outcome } from '../history.ts';
import { pickFrom } from '../world-options.ts';
import { REGION } from './candidate.ts';
import type { StreamWorld } from './stream-world.ts';

export const TABLE = 3;

/** How long a client waits for an answer. */
const clientTimeoutMs = 3000;

/** One client: asks some node that takes itself for the leader, and notes what it did and saw. */
export class StreamClient {
  readonly name: string;
  readonly #world: StreamWorld;

  constructor(world: StreamWorld, name: string) {
    this.#world = world;
    this.name = name;
  }

  async read(key: string): Promise<Operation> {
    return this.#do(key, { kind: 'read' });
  }

  async write(key: string, value: string | undefined, expects?: Expectation): Promise<Operation> {
    return this.#do(key, { kind: 'write', value, expects });
  }

  async add(key: string): Promise<Operation> {
    return this.#do(key, { kind: 'add' });
  }

  async #do(key: string, action: Action): Promise<Operation> {
    const world = this.#world;
    const operation = world.invoke({
      region: REGION,
      client: this.name,
      table: 'main',
      key,
      action,
    });
    const number = partitionOf(TABLE, keyBytes(key), world.partitions.length);
    const asked = world.nodes.flatMap(({ running }) => {
      const leading = running?.candidates[number]?.leading;
      return running === undefined || leading === undefined ? [] : [{ running, leading }];
    });
    if (asked.length === 0) return world.answer(operation, { kind: 'failed' });
    const { leading, running } = pickFrom(world.random, asked);
    const { life } = running;
    const timer = new AbortController();
    const outcome = await Promise.race([
      life.turn().then(async () => this.#ask(leading, operation)),
      life.died.then((): Outcome => ({ kind: 'unknown' })),
      world.clock.sleep(clientTimeoutMs, timer.signal).then((): Outcome => ({ kind: 'unknown' })),
    ]);
    timer.abort('answered');
    return world.answer(operation, outcome);
  }

  async #ask(leading: LocalPartition, { key, action }: Operation): Promise<Outcome> {
    try {
      if (action.kind === 'read' || action.kind === 'read nearby') {
        const bytes = keyBytes(key);
        const isPage = this.#world.random.next() < 0.3;
        const item = await (isPage ? firstFrom(leading, bytes) : leading.read(TABLE, bytes));
        return { kind: 'read', seen: valueOf(item?.image) };
      }
      const write = writeOf(key, action, this.#world.options.valueBytes);
      const outcome = await leading.write({ table: TABLE, ...write });
      return { kind: outcome.kind, seen: valueOf(outcome.before?.image) };
    } catch (error) {
      if (error instanceof ClientError && error.status < 500) return { kind: 'failed' };
      if (isBug(error)) this.#world.violate('errors', `${this.name} met ${String(error)}`);
      return { kind: action.kind === 'read' ? 'failed' : 'unknown' };
    }
  }
}

/** The item, as a strong page that begins at it has it. */
async function firstFrom(
  leading: LocalPartition,
  key: Uint8Array,
): Promise<{ readonly image: Uint8Array } | undefined> {
  const request = {
    table: TABLE,
    from: key,
    to: undefined,
    forward: true,
    limit: 1,
    startAfter: undefined,
    byteLimit: 1 << 20,
  };
  const page = await leading.readPage(request, true);
  return page.items.find((item) => Buffer.compare(item.key, key) === 0);
}

/** Clients that do one thing after another until `isOver`: registers, counters and unique inserts, as in other worlds. */
export async function streamClients(world: StreamWorld, isOver: () => boolean): Promise<void> {
  const { clients, keys, thinkMs } = world.options;
  const seen = new Map<string, string | undefined>();
  const { random } = world;
  let values = 0;
  let unique = 0;
  const value = ({ name }: StreamClient): string => `${name}.${++values}`;

  const useRegister = async (client: StreamClient): Promise<Operation> => {
    const key = `${REGION}-r${Math.floor(random.next() * keys)}`;
    const choice = random.next();
    if (choice < 0.3) {
      const read = await client.read(key);
      if (read.outcome.kind === 'read') seen.set(key, read.outcome.seen);
      return read;
    }
    if (choice < 0.5) return client.write(key, value(client));
    const last = seen.get(key);
    const expects: Expectation =
      last === undefined ? { kind: 'absent' } : { kind: 'value', value: last };
    // What may have been deleted by anybody at any time, as far as is known, makes the checker's search long.
    if (choice < 0.6 && last !== undefined) return client.write(key, undefined, expects);
    const write = await client.write(key, value(client), expects);
    if (write.outcome.kind === 'refused') seen.set(key, write.outcome.seen);
    return write;
  };

  const step = async (client: StreamClient): Promise<Operation> => {
    const choice = random.next();
    if (choice < 0.7) return useRegister(client);
    if (choice < 0.8) return client.add(`${REGION}-c`);
    if (choice < 0.85) return client.read(`${REGION}-c`);
    if (random.next() < 0.3) unique += 1;
    return client.write(`${REGION}-u${unique}`, value(client), { kind: 'absent' });
  };

  await Promise.all(
    Array.from({ length: clients }, async (_, at) => {
      const client = new StreamClient(world, `${REGION[0] ?? ''}${at + 1}`);
      while (!isOver()) {
        await world.clock.sleep(1 + random.next() * 2 * thinkMs);
        const { outcome } = await step(client);
        // As clients do; and many writes that nobody knows the outcome of say little and cost the checker much.
        if (!('seen' in outcome)) await world.clock.sleep(20 + random.next() * 100);
      }
    }),
  );
}
