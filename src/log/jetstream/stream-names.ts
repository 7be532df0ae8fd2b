/** One log's stream. A log that is rebuilt goes on in a stream of the next generation. */
export interface LogStream {
  readonly partition: number;
  /** From 1. */
  readonly generation: number;
}

const NAME = /^tidemark_([a-z0-9-]+)_p(\d+)_g(\d+)$/u;

/** The name of a stream in the region's JetStream. */
export const streamNameOf = (region: string, { partition, generation }: LogStream): string =>
  `tidemark_${region}_p${partition}_g${generation}`;

/** The only subject of that stream. Apart from every subject of the bus. */
export const streamSubjectOf = (region: string, { partition, generation }: LogStream): string =>
  `tidemark-log.${region}.p${partition}.g${generation}`;

/** Where the server tells that a message of that stream is stored. */
export const storedSubjectOf = (region: string, { partition, generation }: LogStream): string =>
  `tidemark-log-stored.${region}.p${partition}.g${generation}`;

/** The subjects of all logs of a region. */
export const streamSubjectsOf = (region: string): string => `tidemark-log.${region}.>`;

/** Undefined for a stream that is none of this region's logs. */
export function logStreamOf(region: string, name: string): LogStream | undefined {
  const [, of, partition, generation] = NAME.exec(name) ?? [];
  if (of !== region) return undefined;
  return { partition: Number(partition), generation: Number(generation) };
}
