import { GlobalWorld, type GlobalWorldRegion } from './region-world.ts';

/** Virtual time in which whatever is under way has come to its end. */
export const LONG_MS = 60_000;

/** A world of these regions, started. */
export async function worldOf(...names: readonly string[]): Promise<GlobalWorld> {
  const world = new GlobalWorld({ names });
  await world.start();
  return world;
}

/** Lets time pass, in steps, until it is so; fails when it does not come to be. */
export async function until(world: GlobalWorld, isSo: () => boolean, stepMs = 5): Promise<void> {
  for (let step = 0; step < 20_000; step += 1) {
    if (isSo()) return;
    await world.clock.advance(stepMs);
  }
  throw new Error('it has not come to be so');
}

/** The phase of each member of the table, as a region knows them. */
export const members = ({ table }: GlobalWorldRegion): Record<string, string> =>
  Object.fromEntries(
    Object.entries(table?.global?.members ?? {}).map(([name, { phase }]) => [name, phase]),
  );

export const phaseOf = (region: GlobalWorldRegion, member: string): string | undefined =>
  region.table?.global?.members[member]?.phase;

/** Puts `<prefix>0` and so on. */
export function putMany(
  region: GlobalWorldRegion,
  prefix: string,
  { count, value = 'v' }: { readonly count: number; readonly value?: string },
): void {
  for (let at = 0; at < count; at += 1) region.put(`${prefix}${at}`, value);
}

/** Gives `names` a second table, so that they exchange something whatever becomes of the first. */
export async function shareAnother(world: GlobalWorld, ...names: readonly string[]): Promise<void> {
  const [first = '', ...others] = names;
  await world.region(first).createTable('Other');
  for (const region of others) {
    await world.region(first).change({ kind: 'create', region }, 'Other');
    await world.clock.advance(3000);
  }
}
