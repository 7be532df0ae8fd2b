import type { Clock } from '../base/clock.ts';
import type { LogOutput } from '../telemetry/pino-logger.ts';
import { LabChanges } from './lab-changes.ts';
import { KEYS_AT_START, keysIn, pressKey } from './lab-keys.ts';
import type { LabAction } from './lab-keys.ts';
import type { LabRegion } from './lab-region.ts';
import { LabReader } from './lab-reader.ts';
import { renderScreen } from './lab-screen.ts';
import type { LabState } from './lab-state.ts';
import { LiveLines } from './live-lines.ts';

const REFRESH_MS = 500;
const TELL_MS = 3000;

/** Shows a running lab, from `start` until `stop`; text that is printed at any time does not disturb what it shows. */
export interface LabDisplay {
  /** Where the lab's log goes. */
  readonly log: { readonly output: LogOutput; readonly pretty: boolean };
  print(text: string): void;
  start(regions: readonly LabRegion[]): void;
  stop(): Promise<void>;
}

export interface DisplayOptions {
  readonly clock: Clock;
  readonly output: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
  readonly input: NodeJS.ReadStream;
  readonly color: boolean;
  /** The user asks to stop. */
  readonly onQuit: () => void;
  /** The lab's state cannot be read (told once, until it can again), or a wish could not be fulfilled. */
  readonly onError: (error: unknown) => void;
}

/** A screen on a terminal, plain lines elsewhere. */
export const createLabDisplay = (
  options: DisplayOptions & { readonly live: boolean },
): LabDisplay => (options.live ? new LiveDisplay(options) : new PlainDisplay(options));

/** One line for a pair or a region when something has changed, every few seconds at most. */
class PlainDisplay implements LabDisplay {
  readonly log: LabDisplay['log'];
  readonly #options: DisplayOptions;
  readonly #ended = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: DisplayOptions) {
    const { errors } = options;
    this.#options = options;
    this.log = { output: errors, pretty: errors.isTTY };
  }

  print(text: string): void {
    this.#options.output.write(`${text}\n`);
  }

  start(regions: readonly LabRegion[]): void {
    const changes = new LabChanges();
    const reader = new LabReader(regions, this.#options.clock);
    const { signal } = this.#ended;
    this.#loop = repeat({ ...this.#options, signal, everyMs: TELL_MS }, async () => {
      for (const line of changes.linesFor(await reader.read())) this.print(line);
    });
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#loop;
  }
}

/** The live table, with keys where the input is a terminal; the log scrolls by above it. */
class LiveDisplay implements LabDisplay {
  readonly log: LabDisplay['log'];
  readonly #options: DisplayOptions;
  readonly #lines: LiveLines;
  readonly #ended = new AbortController();
  readonly #onData = (chunk: string): void => this.#press(chunk);
  readonly #onResize = (): void => this.#draw();
  readonly #onExit = (): void => this.#release();
  #keys = KEYS_AT_START;
  #state: LabState = { regions: [], pairs: [] };
  #regions: readonly LabRegion[] = [];
  #reader: LabReader | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: DisplayOptions) {
    const { output, errors } = options;
    this.#options = options;
    this.#lines = new LiveLines(output);
    this.log = errors.isTTY
      ? { output: { write: (text) => this.#lines.print(text) }, pretty: true }
      : { output: errors, pretty: false };
  }

  print(text: string): void {
    this.#lines.print(text);
  }

  start(regions: readonly LabRegion[]): void {
    const { clock, input, output } = this.#options;
    this.#regions = regions;
    this.#reader = new LabReader(regions, clock);
    process.once('exit', this.#onExit);
    output.on('resize', this.#onResize);
    if (input.isTTY) {
      input.setRawMode(true);
      input.setEncoding('utf8');
      input.on('data', this.#onData);
      input.resume();
    }
    const { signal } = this.#ended;
    this.#loop = repeat({ ...this.#options, signal, everyMs: REFRESH_MS }, async () =>
      this.#refresh(),
    );
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#loop;
    this.#release();
  }

  /** Gives the terminal back as it was. */
  #release(): void {
    const { input, output } = this.#options;
    process.off('exit', this.#onExit);
    output.off('resize', this.#onResize);
    this.#lines.close();
    // Without a listener for its data, a raw terminal would swallow a second Ctrl-C.
    if (!input.isTTY) return;
    input.off('data', this.#onData);
    input.setRawMode(false);
    input.pause();
  }

  async #refresh(): Promise<void> {
    this.#state = (await this.#reader?.read()) ?? this.#state;
    this.#draw();
  }

  #draw(): void {
    if (this.#ended.signal.aborted) return;
    const { output, color } = this.#options;
    // A line that fills the terminal would leave the cursor between two lines; the last row is for the log to scroll.
    const size = { columns: output.columns - 1, rows: Math.max(1, output.rows - 1), color };
    this.#lines.draw(renderScreen(this.#state, this.#keys, size));
  }

  #press(chunk: string): void {
    for (const key of keysIn(chunk)) {
      const { state, actions } = pressKey(this.#keys, key, this.#state);
      this.#keys = state;
      for (const action of actions) {
        void this.#perform(action).catch((error: unknown) => {
          this.#options.onError(error);
        });
      }
    }
    this.#draw();
  }

  async #perform(action: LabAction): Promise<void> {
    if (action.kind === 'quit') {
      this.#options.onQuit();
      return;
    }
    const name = action.kind === 'link' ? action.source : action.region;
    const operations = this.#regions.find((running) => running.name === name)?.operations;
    if (operations === undefined) return;
    const stop = action.kind !== 'link' && action.verb === 'stop';
    switch (action.kind) {
      case 'link':
        await operations.setLink(action.target, action.change);
        break;
      case 'region':
        await (stop ? operations.stopRegion() : operations.startRegion());
        break;
      case 'zone':
        await (stop ? operations.stopZone(action.zone) : operations.startZone(action.zone));
        break;
    }
    await this.#refresh();
  }
}

interface Repetition extends Pick<DisplayOptions, 'clock' | 'onError'> {
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/** Does the work again and again until `signal` aborts. Of errors in a row only the first is told. */
async function repeat(
  { clock, onError, everyMs, signal }: Repetition,
  work: () => Promise<void>,
): Promise<void> {
  let failing = false;
  while (!signal.aborted) {
    try {
      await work();
      failing = false;
    } catch (error) {
      if (!failing) onError(error);
      failing = true;
    }
    await clock.sleep(everyMs, signal);
  }
}
