import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** Where a bench ran: what its figures depend on, and nothing that tells whose machine it is. */
export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Of 1, 5 and 15 minutes, when the bench had ended. */
  readonly loadAverages: readonly number[];
}

export const thisMachine = (): Machine => ({
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  loadAverages: loadavg(),
});

const BYTES_PER_GB = 1024 ** 3;

/** For people, in one line. */
export const machineText = ({ cpu, cores, memoryBytes, node, platform }: Machine): string =>
  `${cpu}, ${cores} cores, ${Math.round(memoryBytes / BYTES_PER_GB)} GB, Node ${node.replace('v', '')}, ${platform}`;

/** As part of a file's name: what tells two machines apart. */
export const machineName = ({ cpu, cores }: Machine): string =>
  `${cpu} ${cores} cores`
    .toLowerCase()
    .replaceAll(/\((r|tm)\)/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
