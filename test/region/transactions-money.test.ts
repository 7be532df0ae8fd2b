import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { randomBelow } from '../../src/base/random.ts';
import { type Doing, explainHistory } from '../sim/checkers/serializability.ts';
import type { Fate } from '../support/memory-log.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import {
  isText,
  keyOf,
  put,
  type StepFate,
  TABLE,
  textOf,
  textsOf,
  TransactionWorld,
} from '../support/transaction-world.ts';

const ACCOUNTS = ['ann', 'ben', 'cleo', 'dan', 'eve', 'fay'];
const OPENING = 100;
const SEEDS = Array.from({ length: 25 }, (_, at) => at + 1);
const FATES: readonly Fate[] = ['refused', 'unknown-there', 'unknown-lost', 'unknown-late'];

/** A balance, and who wrote it: no text is written twice. */
const amountIn = (text: string | undefined): number => Number(text?.split(' ')[0]);

/** Clients that move money, and say what they saw and did. */
class Bank {
  readonly world: TransactionWorld;
  readonly random: SeededRandom;
  readonly doings: Doing[] = [];
  isOver = false;
  /** How many of a hundred coordinators die at some step. */
  deaths = 10;
  refusals = 0;
  #events = 0;
  #names = 0;

  constructor(world: TransactionWorld, seed: number) {
    this.world = world;
    this.random = new SeededRandom(seed);
  }

  #event(): number {
    this.#events += 1;
    return this.#events;
  }

  #pick(): string {
    return present(ACCOUNTS[randomBelow(this.random, ACCOUNTS.length)], 'an account');
  }

  /** Notes what is done, as far as it is known. What certainly was without effect is not noted. */
  async #note(parts: Pick<Doing, 'saw' | 'wrote'>, done: () => Promise<boolean>): Promise<void> {
    this.#names += 1;
    const invoked = this.#event();
    const doing = { name: `d${this.#names}`, ...parts, invoked };
    try {
      if (await done()) this.doings.push({ ...doing, returned: this.#event() });
      else this.refusals += 1;
    } catch {
      this.doings.push({ ...doing, returned: undefined });
    }
  }

  async open(): Promise<void> {
    const wrote = new Map(ACCOUNTS.map((name) => [name, `${OPENING} opening ${name}`]));
    const saw = new Map(ACCOUNTS.map((name) => [name, undefined]));
    await this.#note({ saw, wrote }, async () => {
      const actions = [...wrote].map(([name, text]) => put(name, text));
      return (await this.world.coordinator().write({ actions })).kind === 'committed';
    });
  }

  async readAll(names: readonly string[] = ACCOUNTS): Promise<readonly string[] | undefined> {
    const saw = new Map<string, string | undefined>();
    try {
      await this.#note({ saw, wrote: new Map() }, async () => {
        const outcome = await this.world.readTogether(names);
        if (outcome.kind === 'cancelled') return false;
        for (const [at, text] of textsOf(outcome).entries()) saw.set(names[at] ?? '', text);
        return true;
      });
    } catch {
      return undefined;
    }
    if (saw.size < names.length) return undefined;
    return names.map((name) => present(saw.get(name), 'an account that is open'));
  }

  async transfer(): Promise<void> {
    const [from, to] = [this.#pick(), this.#pick()];
    if (from === to) return;
    const seen = await this.readAll([from, to]);
    if (seen === undefined) return;
    const [less = '', more = ''] = seen;
    const amount = 1 + randomBelow(this.random, 20);
    const id = `t${this.#event()}`;
    const wrote = new Map([
      [from, `${amountIn(less) - amount} ${id}`],
      [to, `${amountIn(more) + amount} ${id}`],
    ]);
    const saw = new Map([
      [from, less],
      [to, more],
    ]);
    const actions = [...wrote].map(([name, text]) => put(name, text, isText(saw.get(name) ?? '')));
    const coordinator = this.world.coordinator(this.#fate());
    await this.#note(
      { saw, wrote },
      async () => (await coordinator.write({ actions })).kind === 'committed',
    );
  }

  #fate(): (step: number) => StepFate {
    if (randomBelow(this.random, 100) >= this.deaths) return () => 'done';
    const at = randomBelow(this.random, 5);
    const fate = this.random.next() < 0.5 ? 'before' : 'after';
    return (step) => (step === at ? fate : 'done');
  }

  /** A single write that keeps the balance, of what a near copy has: a transaction may be under way on it. */
  async rewrite(): Promise<void> {
    const name = this.#pick();
    const looking = Promise.resolve(name).then((of) => this.world.nearby(of));
    // No copy serves while its partition is started again.
    const seen = await looking.catch(() => undefined);
    if (seen === undefined) return;
    const text = `${amountIn(seen)} s${this.#event()}`;
    const parts = { saw: new Map([[name, seen]]), wrote: new Map([[name, text]]) };
    await this.#note(parts, async () => {
      const write = { ...put(name, text, isText(seen)), cause: 'user' as const };
      const outcome = await this.world
        .partitionOf(name)
        .write(write)
        .catch((error: unknown) => {
          if (error instanceof Error && 'status' in error && error.status === 400) return undefined;
          throw error;
        });
      return outcome?.kind === 'applied';
    });
  }

  async single(): Promise<void> {
    const name = this.#pick();
    const saw = new Map<string, string | undefined>();
    await this.#note({ saw, wrote: new Map() }, async () => {
      const stored = await this.world.partitionOf(name).read(TABLE, keyOf(name));
      saw.set(name, textOf(stored));
      return true;
    }).catch(() => {});
  }

  async work(): Promise<void> {
    while (!this.isOver) {
      await this.world.clock.sleep(1 + this.random.next() * 6);
      const chance = this.random.next();
      if (chance < 0.5) await this.transfer();
      else if (chance < 0.7) await this.readAll();
      else if (chance < 0.85) await this.rewrite();
      else await this.single();
    }
  }
}

const sumOf = (texts: readonly (string | undefined)[]): number =>
  texts.map(amountIn).reduce((sum, amount) => sum + amount, 0);

test('transactions and single writes that race keep the sum, and some order explains it all, whatever fails', async () => {
  let [committed, untold, refused] = [0, 0, 0];
  for (const seed of SEEDS) {
    const world = await TransactionWorld.start({ seed });
    const bank = new Bank(world, seed);
    await world.run(bank.open());
    const fates = new SeededRandom(seed + 1000);
    // Some are late enough to be taken for dead.
    world.stepMs = () => (fates.next() < 0.02 ? 1500 : fates.next() * 8);
    for (const { log } of world.sites)
      log.fate = () =>
        fates.next() < 0.03
          ? present(FATES[randomBelow(fates, FATES.length)], 'a fate')
          : 'durable';
    const working = Promise.all(Array.from({ length: 5 }, async () => bank.work()));
    for (let round = 0; round < 3; round += 1) {
      await world.clock.advance(1500);
      if (seed % 2 === 0) await world.restart();
    }
    bank.isOver = true;
    for (const { log } of world.sites) log.fate = () => 'durable';
    await world.run(working);
    await world.clock.advance(5000);
    expect(world.hasIntents).toBe(false);
    const texts = await world.readAll(ACCOUNTS);
    expect([seed, sumOf(texts)]).toEqual([seed, ACCOUNTS.length * OPENING]);
    for (const { name, saw, returned, wrote } of bank.doings)
      expect(
        wrote.size > 0 || returned === undefined || saw.size < ACCOUNTS.length
          ? ACCOUNTS.length * OPENING
          : sumOf([...saw.values()]),
        `seed ${seed}: what ${name} read together`,
      ).toBe(ACCOUNTS.length * OPENING);
    const final = new Map(ACCOUNTS.map((name, at) => [name, texts[at]]));
    expect([seed, explainHistory(bank.doings, final)]).toEqual([seed, undefined]);
    const writes = bank.doings.filter(({ wrote }) => wrote.size > 1);
    committed += writes.filter(({ returned }) => returned !== undefined).length;
    untold += writes.filter(({ returned }) => returned === undefined).length;
    refused += bank.refusals;
    await world.stop();
  }
  expect([committed > 1000, untold > 100, refused > 100]).toEqual([true, true, true]);
}, 120_000);
