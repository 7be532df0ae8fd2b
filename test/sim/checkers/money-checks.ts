import { SeededRandom } from '../../support/seeded-random.ts';
import { keyBytes, valueOf } from '../client.ts';
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
    const ledger = ledgerOf(world, name);
    if (world.rolledBack.has(name) || world.lost.has(name) || !ledger.isOpen) continue;
    const accounts = accountsOf(name);
    const teller = new Teller(world, region, { random: new SeededRandom(1), name: `${name}-t9` });
    const texts = await teller.readAll();
    if (texts === undefined) {
      world.violate('liveness', `the accounts of ${name} cannot be read in a healed world`);
      continue;
    }
    if (texts.every((text) => text === undefined)) continue;
    for (const doing of ledger.doings) {
      const seen = [...doing.saw.values()];
      const isWhole = seen.length === accounts.length && seen.every((text) => text !== undefined);
      if (doing.wrote.size === 0 && isWhole && sumOf(seen) !== moneySum)
        world.violate('money', `${doing.name} saw ${sumOf(seen)} in all, not ${moneySum}`);
    }
    const final = new Map(accounts.map((account, at) => [account, texts[at]]));
    const problem = explainHistory(ledger.doings, final);
    if (problem !== undefined) world.violate('serializable', `${name}: ${problem}`);
    await checkEverywhere(world, name, { accounts, texts });
  }
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
