import { SeededRandom } from '../../support/seeded-random.ts';
import { type ServedRegion, type ServedWorld, servedRegion } from '../served-region.ts';
import { keyBytes, valueOf } from '../client-item.ts';
import {
  accountsOf,
  amountIn,
  isMoneySeed,
  ledgerOf,
  moneySum,
  Teller,
} from '../workloads/money.ts';
import { MAIN } from '../workloads/workload.ts';
import type { World } from '../world.ts';
import { explainHistory } from './serializability.ts';
import { holdersOf } from './state-checks.ts';

const sumOf = (texts: readonly (string | undefined)[]): number =>
  texts.map(amountIn).reduce((sum, amount) => sum + amount, 0);

/**
 * When nothing is under way: no money was made or lost in any region, no reader of all accounts ever saw another sum, and some order
 * of all that was done explains what each saw.
 */
export async function checkMoney(world: World): Promise<void> {
  if (!isMoneySeed(world.seed)) return;
  for (const region of world.regions) {
    const { name } = region;
    if (world.rolledBack.has(name) || world.lost.has(name)) continue;
    const once = !world.options.faults.includes('clock jump');
    const texts = await checkBank(world, servedRegion(region), once);
    if (texts === undefined) continue;
    await checkEverywhere(world, name, { accounts: accountsOf(name), texts });
  }
}

/**
 * Of one bank alone; `once`: tokens are known as long as they should be, because no clock has jumped. Resolves with what the accounts hold,
 * undefined where there is nothing to check.
 */
export async function checkBank(
  world: ServedWorld,
  bank: ServedRegion,
  once: boolean,
): Promise<readonly (string | undefined)[] | undefined> {
  const { name } = bank;
  const ledger = ledgerOf(world, name);
  if (!ledger.isOpen) return undefined;
  const teller = new Teller(world, bank, { random: new SeededRandom(1), name: `${name}-t9` });
  const texts = await teller.readAll();
  if (texts === undefined) {
    world.violate('liveness', `the accounts of ${name} cannot be read in a healed world`);
    return undefined;
  }
  await teller.readTally();
  for (const words of ledger.tally.problems(once)) world.violate('money', `${name}: ${words}`);
  if (texts.every((text) => text === undefined)) return undefined;
  const accounts = accountsOf(name);
  for (const doing of ledger.doings) {
    const seen = [...doing.saw.values()];
    const isWhole = seen.length === accounts.length && seen.every((text) => text !== undefined);
    if (doing.wrote.size === 0 && isWhole && sumOf(seen) !== moneySum)
      world.violate('money', `${doing.name} saw ${sumOf(seen)} in all, not ${moneySum}`);
  }
  const final = new Map(accounts.map((account, at) => [account, texts[at]]));
  const problem = explainHistory(ledger.doings, final);
  if (problem !== undefined) world.violate('serializable', `${name}: ${problem}`);
  return texts;
}

/** Of the replicas that the region shares the table with: one that was removed has what it had then. */
async function checkEverywhere(
  world: World,
  of: string,
  {
    accounts,
    texts,
  }: Record<'accounts', readonly string[]> & {
    readonly texts: readonly (string | undefined)[];
  },
): Promise<void> {
  const holders = holdersOf(world, MAIN);
  if (!holders.some(({ region }) => region.name === of)) return;
  for (const { region, running, table } of holders) {
    for (const [at, account] of accounts.entries()) {
      const key = keyBytes(account);
      const read = { table: table.number, key, consistent: true };
      const value = valueOf((await running.engine.region.getItem(read))?.image);
      if (value !== texts[at])
        world.violate('money', `${region.name} has ${value} in ${account}, not ${texts[at]}`);
    }
  }
}
