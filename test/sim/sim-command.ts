import { parseArgs } from 'node:util';

export const SIM_USAGE = `Runs simulated worlds: regions, zones, disks, clocks and links from one seed, with faults.

  npm run sim -- --seed S             one world
  npm run sim -- --seeds N --from S   N worlds from seed S on, in parallel processes

  --jobs J    how many processes (2)`;

/** What was asked for on the command line. */
export type SimCommand =
  | { readonly kind: 'one'; readonly seed: number }
  | {
      readonly kind: 'many';
      readonly seeds: readonly number[];
      readonly jobs: number;
    }
  | { readonly kind: 'child' };

/** Throws `Error`, in words, for anything else. */
export function parseSimCommand(parameters: readonly string[]): SimCommand {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '2' },
      child: { type: 'boolean', default: false },
    },
  });
  if (values.child) return { kind: 'child' };
  if (values.seed !== undefined) return { kind: 'one', seed: whole('--seed', values.seed) };
  if (values.seeds === undefined) throw new Error('--seed or --seeds is missing');
  const from = whole('--from', values.from);
  const count = whole('--seeds', values.seeds);
  const seeds = Array.from({ length: count }, (_, at) => from + at);
  return { kind: 'many', seeds, jobs: Math.max(1, whole('--jobs', values.jobs)) };
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new Error(`${name} takes a whole number, not ${text}`);
  return number;
}
