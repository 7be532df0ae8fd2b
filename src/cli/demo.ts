import { fileURLToPath } from 'node:url';

import { SystemClock } from '../daemon/system-clock.ts';
import type { DemoOptions } from './command-line.ts';
import type { Item } from './demo-clients.ts';
import { DemoLab } from './demo-lab.ts';
import type { DemoRegion } from './demo-region.ts';
import type { DemoOutput } from './demo-screen.ts';
import { counted, DemoScreen } from './demo-screen.ts';
import { tellDemo } from './demo-story.ts';
import { EXIT } from './exit-code.ts';
import type { Shutdown } from './shutdown.ts';

/** In the first one the table is created and loaded. */
const REGIONS = ['us-east-1', 'eu-west-1', 'ap-northeast-1'] as const;

export interface DemoSurroundings {
  readonly shutdown: Pick<Shutdown, 'requested'>;
  /** The compiled command line that runs the lab; by default the one that this file belongs to. */
  readonly program?: string;
  readonly output?: DemoOutput;
}

/**
 * Starts a lab of its own, does the main job on a real data set, checks that all regions hold it, and leaves nothing
 * behind. Returns the exit code: `EXIT.ok` only if every check held.
 */
export async function runDemo(options: DemoOptions, around: DemoSurroundings): Promise<number> {
  const screen = new DemoScreen(around.output ?? process.stdout);
  const packages = await loadPackages();
  if (packages === undefined) {
    screen.line('The demo needs the packages of development: run `npm install` in a checkout.');
    return EXIT.failed;
  }
  const clock = new SystemClock();
  const startedMs = clock.monotonicMs();
  const aborted = new AbortController();
  const interrupted = around.shutdown.requested.then(() => {
    aborted.abort(new Error('interrupted'));
    return 'interrupted' as const;
  });
  const program = around.program ?? fileURLToPath(new URL('./main.js', import.meta.url));
  const cities = packages.loadCities(options.cities);
  const demo = demonstrate({ program, packages, cities, screen, signal: aborted.signal });
  const outcome = await Promise.race([demo, interrupted]);
  if (outcome === 'interrupted') {
    screen.line('Interrupted; ending the lab...');
    await demo.catch(() => {});
    return EXIT.interrupted;
  }
  const seconds = (clock.monotonicMs() - startedMs) / 1000;
  screen.line('');
  screen.line(
    outcome ? `All held, in ${seconds.toFixed(0)} s.` : 'NOT everything held: see above.',
  );
  return outcome ? EXIT.ok : EXIT.failed;
}

interface DemoPackages {
  readonly loadCities: (countMax?: number) => readonly Item[];
  readonly pinnedClient: (region: string, endpoint: string) => DemoRegion['client'];
}

/** Undefined when the packages of development are not installed. */
async function loadPackages(): Promise<DemoPackages | undefined> {
  // Its advice on later versions of Node is not what the demo is about.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  try {
    const { pinnedClient } = await import('./demo-clients.ts');
    const { loadCities } = await import('./demo-cities.ts');
    loadCities(0);
    return { loadCities, pinnedClient };
  } catch (error) {
    if (isModuleMissing(error)) return undefined;
    throw error;
  }
}

const isModuleMissing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND');

interface Demonstration {
  readonly program: string;
  readonly packages: DemoPackages;
  readonly cities: readonly Item[];
  readonly screen: DemoScreen;
  readonly signal: AbortSignal;
}

/** Whether everything held. However it ends, the lab is gone then. */
async function demonstrate(demonstration: Demonstration): Promise<boolean> {
  const { program, packages, cities, screen, signal } = demonstration;
  screen.line(`Tidemark demo: ${counted(cities.length)} cities, three writable regions`);
  const lab = await DemoLab.start({ program, regionNames: REGIONS, signal });
  const clients: DemoRegion['client'][] = [];
  const stopLab = (): void => void lab.stop();
  signal.addEventListener('abort', stopLab);
  try {
    const regions = lab.regions.map((region): DemoRegion => {
      const client = packages.pinnedClient(region.name, region.endpoint);
      clients.push(client);
      return { ...region, client };
    });
    return await tellDemo({ regions, cities, screen, signal });
  } catch (error) {
    const { lastWords } = lab;
    if (lastWords === undefined || signal.aborted) throw error;
    throw new Error(`the lab ended early; it wrote last:\n${lastWords}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', stopLab);
    for (const client of clients) client.destroy();
    await lab.stop();
  }
}
