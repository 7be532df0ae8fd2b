import type { ConditionExpression } from '../../../src/expression/ast.ts';
import { ClientError } from '../../../src/model/errors.ts';
import type { ItemWrite, Region } from '../../../src/region/region.ts';
import type { TransactionAction } from '../../../src/region/transaction.ts';
import { WOKEN } from '../../../src/base/clock.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import type { Doing } from '../checkers/serializability.ts';
import { isBug } from '../client.ts';
import { keyBytes, valueOf, writeOf } from '../client-item.ts';
import type { ServedRegion, ServedWorld } from '../served-region.ts';
import { servedRegion } from '../served-region.ts';
import { Speaker } from '../statements.ts';
import { pickFrom } from '../world-options.ts';
import { Tally } from './tally.ts';
import { MAIN, type Workload } from './workload.ts';

/** About one seed in three makes a world in which money is moved. Drawn apart, so that no other draw moves. */
export const isMoneySeed = (seed: number): boolean =>
  new SeededRandom(seed ^ MONEY_SALT).next() < 1 / 3;

const MONEY_SALT = 0x30e7;

/** How long a client waits for an answer. */
const answerMs = 8000;
const clientsPerRegion = 3;
const accountsPerRegion = 6;
/** How often a request is told under the same token. */
const askedMax = 12;
const opening = 100;

export const moneySum = accountsPerRegion * opening;

/** The accounts that one region alone writes, though all have them. */
export const accountsOf = (region: string): readonly string[] =>
  Array.from({ length: accountsPerRegion }, (_, at) => `${region}-m${at}`);

/** What is moved and read in one region, in its order. */
export class Ledger {
  readonly doings: Doing[] = [];
  readonly tally: Tally;
  isOpen = false;

  constructor(region: string) {
    this.tally = new Tally(region);
  }
}

const ledgers = new WeakMap<ServedWorld, Map<string, Ledger>>();

export function ledgerOf(world: ServedWorld, region: string): Ledger {
  const ofWorld = ledgers.get(world) ?? new Map<string, Ledger>();
  ledgers.set(world, ofWorld);
  const ledger = ofWorld.get(region) ?? new Ledger(region);
  ofWorld.set(region, ledger);
  return ledger;
}

/** A balance, and who wrote it: no text is written twice. */
export const amountIn = (text: string | undefined): number => Number(text?.split(' ')[0]);

/**
 * Transfers between the accounts of a region by transactions, mixed with transactions that read all of them, and with single writes and
 * reads. In worlds that have such work.
 */
export const money: Workload = {
  name: 'money',
  async run(stage) {
    const { world } = stage;
    if (!isMoneySeed(world.seed)) return;
    const banks = world.regions.map(servedRegion);
    await moveMoney(world, banks, () => stage.isOver);
  },
};

/** Several tellers of each bank, each at work until `isOver`. */
export async function moveMoney(
  world: ServedWorld,
  banks: readonly ServedRegion[],
  isOver: () => boolean,
): Promise<void> {
  const random = new SeededRandom(world.seed ^ 0xba2c);
  const loops = banks.flatMap((bank) =>
    Array.from({ length: clientsPerRegion }, async (_, at) => {
      const teller = new Teller(world, bank, { random, name: `${bank.name}-t${at}` });
      while (!isOver()) {
        await world.clock.sleep(1 + 0.4 * random.next() * world.options.thinkMs);
        await teller.step();
      }
    }),
  );
  await Promise.all(loops);
}

type Asked = (region: Region, table: number) => Promise<boolean>;

/** What became of what a teller asked for. */
type Told = 'done' | 'not done' | 'unknown';

/** One client of one region's accounts. */
export class Teller {
  readonly #world: ServedWorld;
  readonly #bank: ServedRegion;
  readonly #random: SeededRandom;
  readonly #statements: Speaker;
  readonly #name: string;
  #count = 0;

  constructor(
    world: ServedWorld,
    bank: ServedRegion,
    { random, name }: { readonly random: SeededRandom; readonly name: string },
  ) {
    this.#world = world;
    this.#bank = bank;
    this.#statements = new Speaker(world, name);
    this.#random = random;
    this.#name = name;
  }

  get #ledger(): Ledger {
    return ledgerOf(this.#world, this.#bank.name);
  }

  async step(): Promise<void> {
    if (!this.#ledger.isOpen) return this.#open();
    const chance = this.#random.next();
    if (chance < 0.4) return this.#transfer();
    if (chance < 0.45) return this.#addUp();
    if (chance < 0.7) {
      await this.readAll();
      return undefined;
    }
    return chance < 0.85 ? this.#rewrite() : this.#readOne();
  }

  /** Notes what is done, as far as it is known; what certainly was without effect is not noted. False for that. */
  async #do(what: string, parts: Pick<Doing, 'saw' | 'wrote'>, asked: Asked): Promise<boolean> {
    const world = this.#world;
    this.#count += 1;
    const name = `${this.#name}.${this.#count}`;
    const invoked = world.tick();
    world.note(this.#name, `${name} ${what} ${[...parts.wrote.values()].join(', ')}`);
    const outcome = await this.#ask(asked, parts.wrote.size > 1);
    const returned = outcome === 'done' ? world.tick() : undefined;
    world.note(this.#name, `${name} ${outcome} ${[...parts.saw.values()].join(', ')}`);
    if (outcome === 'done') world.count(what);
    const isNews = outcome === 'done' || (outcome === 'unknown' && parts.wrote.size > 0);
    if (isNews) this.#ledger.doings.push({ name, ...parts, invoked, returned });
    return outcome === 'done';
  }

  async #ask(asked: Asked, isWrite = false): Promise<Told> {
    const world = this.#world;
    const serving = this.#bank.serving(isWrite);
    const table = serving?.region.findTable(MAIN);
    if (serving === undefined || table === undefined) return 'not done';
    const { region, life } = serving;
    const timer = new AbortController();
    const answered = async (): Promise<Told> => {
      await life.turn();
      try {
        return (await asked(region, table.number)) ? 'done' : 'not done';
      } catch (error) {
        if (isBug(error)) world.violate('errors', `${this.#name} met ${String(error)}`);
        return error instanceof ClientError && error.status < 500 ? 'not done' : 'unknown';
      }
    };
    const outcome = await Promise.race([
      answered(),
      life.died.then(() => 'unknown' as const),
      world.clock.sleep(answerMs, timer.signal).then(() => 'unknown' as const),
    ]);
    timer.abort(WOKEN);
    return outcome;
  }

  async #open(): Promise<void> {
    const names = accountsOf(this.#bank.name);
    const wrote = new Map(names.map((name) => [name, `${opening} ${this.#newText()}`]));
    const saw = new Map(names.map((name) => [name, undefined]));
    await this.#do('opening', { saw, wrote }, async (region, table) => {
      const actions = names.map((name) => actionOf(table, name, { text: wrote.get(name) }));
      const outcome = await region.transactWrite({ actions });
      const isDone = outcome.kind === 'committed';
      // Somebody's opening of which nobody was told was carried out.
      const isThere =
        outcome.kind === 'cancelled' && outcome.reasons.some(({ kind }) => kind === 'condition');
      if (isDone || isThere) this.#ledger.isOpen = true;
      return isDone;
    });
  }

  #newText(): string {
    return `${this.#name}/${this.#world.tick()}`;
  }

  /** Undefined where it could not be had. */
  async readAll(
    names: readonly string[] = accountsOf(this.#bank.name),
  ): Promise<readonly (string | undefined)[] | undefined> {
    const saw = new Map<string, string | undefined>();
    const isDone = await this.#do(
      'reading together',
      { saw, wrote: NOTHING },
      async (region, table) => {
        const texts = this.#statements.isNext
          ? await this.#statements.readTogether(region, MAIN, names)
          : await textsOf(region, table, names);
        for (const [at, text] of (texts ?? []).entries()) saw.set(names[at] ?? '', text);
        return texts !== undefined;
      },
    );
    return isDone ? names.map((name) => saw.get(name)) : undefined;
  }

  async #transfer(): Promise<void> {
    const accounts = accountsOf(this.#bank.name);
    const [from, to] = [pickFrom(this.#random, accounts), pickFrom(this.#random, accounts)];
    if (from === to) return;
    const seen = await this.readAll([from, to]);
    const [less, more] = seen ?? [];
    if (less === undefined || more === undefined) return;
    const amount = 1 + Math.floor(this.#random.next() * 20);
    const text = this.#newText();
    const wrote = new Map([
      [from, `${amountIn(less) - amount} ${text}`],
      [to, `${amountIn(more) + amount} ${text}`],
    ]);
    const saw = new Map([
      [from, less],
      [to, more],
    ]);
    await this.#do('transfer', { saw, wrote }, async (region, table) => {
      if (this.#statements.isNext)
        return this.#statements.replace(region, MAIN, [
          { key: from, value: wrote.get(from) ?? '', expects: less },
          { key: to, value: wrote.get(to) ?? '', expects: more },
        ]);
      const actions = [...wrote].map(([name, value]) =>
        actionOf(table, name, { text: value, expects: saw.get(name) }),
      );
      return (await region.transactWrite({ actions })).kind === 'committed';
    });
  }

  /** One request, again and again under its token until somebody answers, and then now and then once more. */
  async #addUp(): Promise<void> {
    const { tally } = this.#ledger;
    const token = this.#newText();
    const request = { token, fingerprint: Buffer.from(token) };
    tally.asked += 1;
    let isKnown = false;
    for (let tries = 0; tries < askedMax; tries += 1) {
      const told = await this.#ask(async (region, table) => {
        const kind = await tally.add(region, table, request);
        if (kind === 'mismatch')
          this.#world.violate('money', `${token} is another request's, and nobody else has it`);
        return kind === 'committed' || kind === 'repeated';
      }, true);
      this.#world.note(this.#name, `counting ${token} ${told}`);
      if (told === 'done') {
        if (!isKnown) tally.known += 1;
        this.#world.count(isKnown ? 'token told again' : 'counting');
        isKnown = true;
        if (this.#random.next() < 0.7) break;
      }
      await this.#world.clock.sleep(20 + this.#random.next() * 200);
    }
    await this.readTally();
  }

  async readTally(): Promise<void> {
    const { tally } = this.#ledger;
    await this.#ask(async (region, table) => tally.read(region, table));
  }

  /** A single write that keeps the balance, of what a near copy has: a transaction may be under way on it. */
  async #rewrite(): Promise<void> {
    const name = pickFrom(this.#random, accountsOf(this.#bank.name));
    const saw = new Map<string, string>();
    const wrote = new Map<string, string>();
    const text = this.#newText();
    await this.#do('rewriting', { saw, wrote }, async (region, table) => {
      const item = await region.getItem({ table, key: keyBytes(name), consistent: false });
      const seen = valueOf(item?.image);
      if (seen === undefined) return false;
      saw.set(name, seen);
      const value = `${amountIn(seen)} ${text}`;
      wrote.set(name, value);
      const said = this.#statements.isNext
        ? await this.#statements.ask(region, {
            table: MAIN,
            key: name,
            action: { kind: 'write', value, expects: { kind: 'value', value: seen } },
            fill: 0,
          })
        : undefined;
      if (said !== undefined) return said.kind === 'applied';
      const action = actionOf(table, name, { text: wrote.get(name), expects: seen });
      const outcome = await region.write({ ...action, cause: 'user' });
      return outcome.kind === 'applied';
    });
  }

  async #readOne(): Promise<void> {
    const name = pickFrom(this.#random, accountsOf(this.#bank.name));
    const saw = new Map<string, string | undefined>();
    await this.#do('reading one', { saw, wrote: NOTHING }, async (region, table) => {
      const item = await region.getItem({ table, key: keyBytes(name), consistent: true });
      saw.set(name, valueOf(item?.image));
      return true;
    });
  }
}

async function textsOf(
  region: Region,
  table: number,
  names: readonly string[],
): Promise<readonly (string | undefined)[] | undefined> {
  const outcome = await region.transactGet(names.map((name) => ({ table, key: keyBytes(name) })));
  return outcome.kind === 'cancelled'
    ? undefined
    : outcome.items.map((item) => valueOf(item?.image));
}

const NOTHING: ReadonlyMap<string, string> = new Map();

/** `expects` absent: nothing must stand there. */
function actionOf(
  table: number,
  name: string,
  { text, expects }: { readonly text: string | undefined; readonly expects?: string | undefined },
): TransactionAction & Pick<ItemWrite, 'change'> {
  const value = { kind: 'value', value: expects ?? '' } as const;
  const expected = expects === undefined ? ({ kind: 'absent' } as const) : value;
  const write = writeOf(name, { kind: 'write', value: text, expects: expected }, 0);
  const condition: ConditionExpression | undefined = write.condition;
  return { table, key: write.key, change: write.change, condition };
}
