import { WOKEN } from '../../../src/base/clock.ts';
import { ClientError } from '../../../src/model/errors.ts';
import { afterPrefix } from '../../../src/model/item-key.ts';
import { isBug } from '../client.ts';
import { keyBytes, readItem, valueOf, writeItem, writeOf } from '../client-item.ts';
import type { Action, Expectation, Operation, Outcome } from '../history.ts';
import { Speaker } from '../statements.ts';
import { pickFrom } from '../world-options.ts';
import type { RunningNode } from './stream-node.ts';
import { REGION } from './stream-options.ts';
import type { StreamWorld } from './stream-world.ts';

/** The clients' table. */
export const MAIN = 'main';

/** How long a client waits for an answer. */
const clientTimeoutMs = 4000;
const heldMs = 50;

/** One client: asks any node that answers clients, and notes what it did and saw. */
export class StreamClient {
  readonly name: string;
  readonly #world: StreamWorld;
  readonly #statements: Speaker;

  constructor(world: StreamWorld, name: string) {
    this.#world = world;
    this.#statements = new Speaker(world, name);
    this.name = name;
  }

  async read(key: string): Promise<Operation> {
    return this.#do(key, { kind: 'read' });
  }

  async readNearby(key: string): Promise<Operation> {
    return this.#do(key, { kind: 'read nearby' });
  }

  async write(key: string, value: string | undefined, expects?: Expectation): Promise<Operation> {
    return this.#do(key, { kind: 'write', value, expects });
  }

  async add(key: string): Promise<Operation> {
    return this.#do(key, { kind: 'add' });
  }

  async #do(key: string, action: Action): Promise<Operation> {
    const world = this.#world;
    while (world.isHeld) await world.clock.sleep(heldMs);
    world.asking += 1;
    const nodes = world.nodes.flatMap(({ ready, zone }) =>
      ready === undefined ? [] : [{ ready, zone }],
    );
    const asked = nodes.length === 0 ? undefined : pickFrom(world.random, nodes);
    const operation = world.invoke({
      region: REGION,
      client: `${this.name}@${asked?.zone ?? '-'}`,
      table: MAIN,
      key,
      action,
    });
    const outcome =
      asked === undefined ? ({ kind: 'failed' } as const) : await this.#ask(asked.ready, operation);
    world.asking -= 1;
    return world.answer(operation, outcome);
  }

  async #ask(asked: RunningNode, operation: Operation): Promise<Outcome> {
    const { life } = asked;
    const timer = new AbortController();
    const outcome = await Promise.race([
      life.turn().then(async () => this.#outcome(asked, operation)),
      life.died.then((): Outcome => ({ kind: 'unknown' })),
      this.#world.clock
        .sleep(clientTimeoutMs, timer.signal)
        .then((): Outcome => ({ kind: 'unknown' })),
    ]);
    timer.abort(WOKEN);
    return outcome;
  }

  async #outcome(asked: RunningNode, { id, key, action }: Operation): Promise<Outcome> {
    const { region } = asked.engine;
    const table = region.findTable(MAIN)?.number;
    if (table === undefined) {
      this.#world.violate('catalogue', `${this.name} asks a node that does not know the table`);
      return { kind: 'failed' };
    }
    try {
      const fill = this.#world.options.valueBytes;
      const said = this.#statements.isNext
        ? await this.#statements.ask(region, { table: MAIN, key, action, fill })
        : undefined;
      if (said !== undefined) return said;
      if (action.kind === 'read' || action.kind === 'read nearby') {
        const bytes = keyBytes(key);
        const consistent = action.kind === 'read';
        const isPage = consistent && this.#world.random.next() < 0.3;
        if (!isPage) return await readItem(region, id, { table, key: bytes, consistent });
        const item = await this.#firstFrom(asked, table, bytes);
        return { kind: 'read', seen: valueOf(item?.image) };
      }
      return await writeItem(region, id, { table, ...writeOf(key, action, fill) });
    } catch (error) {
      if (error instanceof ClientError && error.status < 500) return { kind: 'failed' };
      if (isBug(error)) this.#world.violate('errors', `${this.name} met ${String(error)}`);
      return { kind: action.kind.startsWith('read') ? 'failed' : 'unknown' };
    }
  }

  /** The item, as a strong page that begins at it has it. */
  async #firstFrom(
    { engine }: RunningNode,
    table: number,
    key: Uint8Array,
  ): Promise<{ readonly image: Uint8Array } | undefined> {
    const page = await engine.region.query({
      table,
      from: key,
      to: afterPrefix(key),
      forward: true,
      limit: 1,
      startAfter: undefined,
      consistent: true,
    });
    return page.items.find((item) => Buffer.compare(item.key, key) === 0);
  }
}

/** Clients that do one thing after another until `isOver`: registers, counters and unique inserts, as in other worlds. */
export async function streamClients(world: StreamWorld, isOver: () => boolean): Promise<void> {
  const { clients, keys, thinkMs, eventualChance } = world.options;
  const seen = new Map<string, string | undefined>();
  const { random } = world;
  let values = 0;
  let unique = 0;
  const value = ({ name }: StreamClient): string => `${name}.${++values}`;

  const useRegister = async (client: StreamClient): Promise<Operation> => {
    const key = `${REGION}-r${Math.floor(random.next() * keys)}`;
    const choice = random.next();
    if (choice < 0.3 * eventualChance) return client.readNearby(key);
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
