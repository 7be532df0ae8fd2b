import type { RegionConfig } from '../daemon/config.ts';
import { nearest } from '../daemon/nearest-word.ts';
import type { LabOptions } from './command-line.ts';
import { UsageError } from './usage-error.ts';

const PORT_MAX = 65_535;
/** From a region's endpoint to its operations. */
const OPERATIONS_OFFSET = 1000;

/**
 * The regions that a lab starts, in the order of their files' endpoint ports, with the ports that `--port-base`
 * gives. Throws `UsageError` for a region that has no file, or ports that there are not.
 */
export function planLab(
  configs: readonly RegionConfig[],
  options: Pick<LabOptions, 'regions' | 'portBase' | 'delays'>,
): readonly RegionConfig[] {
  const { regions, portBase, delays } = options;
  const all = configs.toSorted((left, right) => left.endpoint.port - right.endpoint.port);
  const placed = portBase === undefined ? all : withPorts(all, portBase);
  const known = all.map((config) => config.region);
  for (const name of regions ?? []) requireRegion('--regions', name, known);
  const chosen = placed.filter(({ region }) => regions?.includes(region) ?? true);
  const started = chosen.map((config) => config.region);
  for (const { from, to } of delays) {
    requireRegion('--delay', from, started);
    requireRegion('--delay', to, started);
  }
  return chosen;
}

function withPorts(configs: readonly RegionConfig[], base: number): readonly RegionConfig[] {
  const baseMax = PORT_MAX - OPERATIONS_OFFSET - configs.length;
  if (base > baseMax) {
    throw new UsageError(
      `--port-base ${base}: ${baseMax} is the highest for ${configs.length} regions`,
      'lab',
    );
  }
  return configs.map((config, at) => {
    const port = base + 1 + at;
    return {
      ...config,
      endpoint: { ...config.endpoint, port },
      operations: { ...config.operations, port: port + OPERATIONS_OFFSET },
    };
  });
}

function requireRegion(option: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const suggestion = nearest(name, known);
  const help = suggestion === undefined ? `there are ${known.join(', ')}` : `is it ${suggestion}?`;
  throw new UsageError(`${option}: ${name} is no region of this lab; ${help}`, 'lab');
}
