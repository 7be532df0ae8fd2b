import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { StreamSource } from './stream-source.ts';
import { changedDefinition, definitionJson, type TriggerDefinition } from './trigger-definition.ts';
import type { KeptTrigger, TriggerDocuments } from './trigger-documents.ts';
import { triggerCounters } from './trigger-metrics.ts';
import { TriggerRunner, type TriggerProgress } from './trigger-runner.ts';
import type { DeadLetterAddress, TargetAddress, TargetMaker } from './trigger-target.ts';

/** Each is a document and a few loops, and holds some memory: see `trigger-runner.ts`. */
export const TRIGGERS_MAX = 100;

/** `stopping`: they do not run here any more, and nothing was done. */
export type TriggerRefusal = 'unknown' | 'conflict' | 'wrong' | 'stopping';

/** A change of triggers that cannot be, in words for whoever asked for it. */
export class TriggerRefused extends Error {
  override readonly name = 'TriggerRefused';
  readonly code: TriggerRefusal;
  /** All that is wrong with what was asked for. */
  readonly problems: readonly string[];

  constructor(code: TriggerRefusal, message: string, problems: readonly string[] = []) {
    super(message);
    this.code = code;
    this.problems = problems;
  }
}

/** What becomes otherwise. */
export interface TriggerChange {
  /** See `changedDefinition`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Undefined: as it is. */
  readonly isPaused: boolean | undefined;
}

/** A trigger as it is shown. */
export interface TriggerView {
  readonly definition: Readonly<Record<string, unknown>>;
  readonly createdMs: number;
  readonly streamArn: string | undefined;
  readonly isPaused: boolean;
  /** Undefined while it is paused. */
  readonly progress: TriggerProgress | undefined;
}

export interface TriggersOptions {
  readonly region: string;
  readonly accountId: string;
  readonly documents: TriggerDocuments;
  readonly source: StreamSource;
  readonly targets: TargetMaker;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The triggers of a region: kept as its documents, run here. Changes of them are made one after the other. */
export class Triggers implements Service {
  readonly #options: TriggersOptions;
  readonly #runners = new Map<string, TriggerRunner>();
  #turn: Promise<unknown> = Promise.resolve();
  #offGauges: readonly (() => void)[] = [];
  #isStopped = false;

  constructor(options: TriggersOptions) {
    this.#options = options;
  }

  /** The documents are loaded. */
  async start(): Promise<void> {
    const { documents, metrics, logger } = this.#options;
    for (const [trigger, why] of documents.unreadable)
      logger.error({ trigger, why }, 'a trigger cannot be read and is left alone');
    for (const { definition, isPaused } of documents.triggers)
      if (!isPaused) this.#runner(definition).start();
    this.#offGauges = [
      metrics.gauge('tidemark_trigger_lag_seconds', () =>
        this.#samples().map(({ labels, progress }) => ({ labels, valueMs: progress.lagMs })),
      ),
      metrics.gauge('tidemark_trigger_pending_records', () =>
        this.#samples().map(({ labels, progress }) => ({ labels, value: progress.pendingRecords })),
      ),
    ];
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#turn;
    for (const off of this.#offGauges) off();
    await Promise.all([...this.#runners.values()].map(async (runner) => runner.stop()));
    this.#runners.clear();
    await this.#options.targets.stop();
  }

  /** By name, in order. */
  list(): readonly TriggerView[] {
    return this.#options.documents.triggers.map((kept) => this.#view(kept));
  }

  /** Rejects with `TriggerRefused`, as all of these. */
  async describe(name: string): Promise<TriggerView> {
    return this.#view(this.#kept(name));
  }

  /** Resolves once it is durable. The table must have a stream. */
  async create(
    definition: TriggerDefinition,
    { isPaused }: { readonly isPaused: boolean },
  ): Promise<TriggerView> {
    return this.#inTurn(async () => {
      const { documents, clock } = this.#options;
      const { name } = definition;
      await this.#assertPossible(definition);
      await documents.putTrigger({
        definition,
        isPaused,
        createdMs: clock.wallMs(),
        streamArn: undefined,
      });
      const runner = this.#runner(definition);
      try {
        // Where it begins is where the stream stands now, paused or not.
        await runner.prepare();
      } catch (error) {
        await this.#halt(name);
        await documents.deleteTrigger(name);
        throw error;
      }
      if (isPaused) await this.#halt(name);
      else runner.start();
      return this.#view(this.#kept(name));
    });
  }

  async delete(name: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#kept(name);
      await this.#halt(name);
      await this.#options.documents.deleteTrigger(name);
    });
  }

  async pause(name: string): Promise<TriggerView> {
    return this.#inTurn(async () => this.#replace({ ...this.#kept(name), isPaused: true }));
  }

  /** Goes on where it was paused. */
  async resume(name: string): Promise<TriggerView> {
    return this.#inTurn(async () => {
      const kept = this.#kept(name);
      return kept.isPaused ? this.#replace({ ...kept, isPaused: false }) : this.#view(kept);
    });
  }

  /** Goes on where it is, under other settings. What it has under way ends under those that it has now. */
  async update(name: string, { settings, isPaused }: TriggerChange): Promise<TriggerView> {
    return this.#inTurn(async () => {
      const kept = this.#kept(name);
      const reading = changedDefinition(kept.definition, settings);
      if (reading.kind === 'wrong')
        throw new TriggerRefused('wrong', reading.problems.join('; '), reading.problems);
      const { definition } = reading;
      const { to, onFailure } = definition;
      const isNew = (member: string): boolean => Object.hasOwn(settings, member);
      await this.#assertUsable([
        ...(isNew('to') ? [to] : []),
        ...(isNew('onFailure') && onFailure !== undefined ? [onFailure] : []),
      ]);
      return this.#replace({ ...kept, definition, isPaused: isPaused ?? kept.isPaused });
    });
  }

  /**
   * The trigger rests meanwhile, so that its runner writes nothing of its own over it: what that notes is where it has come to,
   * and which stream it follows.
   */
  async #replace({ definition, isPaused }: KeptTrigger): Promise<TriggerView> {
    const { documents } = this.#options;
    const { name } = definition;
    await this.#halt(name);
    try {
      await documents.putTrigger({ ...this.#kept(name), definition, isPaused });
    } finally {
      const now = this.#kept(name);
      if (!now.isPaused) this.#runner(now.definition).start();
    }
    return this.#view(this.#kept(name));
  }

  async #assertPossible(definition: TriggerDefinition): Promise<void> {
    const { documents, source } = this.#options;
    const { name, table, to, onFailure } = definition;
    if (documents.trigger(name) !== undefined || documents.unreadable.has(name))
      throw new TriggerRefused('conflict', `there is a trigger ${name} already`);
    if (documents.triggers.length >= TRIGGERS_MAX)
      throw new TriggerRefused('conflict', `a region has ${TRIGGERS_MAX} triggers at most`);
    if (source.enabledStream(table) === undefined)
      throw new TriggerRefused(
        'conflict',
        `there is no table ${table} with a stream here: enable one with StreamSpecification`,
      );
    await this.#assertUsable(onFailure === undefined ? [to] : [to, onFailure]);
  }

  async #assertUsable(addresses: readonly (TargetAddress | DeadLetterAddress)[]): Promise<void> {
    for (const address of addresses) {
      const problem = await this.#options.targets.problemOf(address);
      if (problem !== undefined) throw new TriggerRefused('conflict', problem);
    }
  }

  #runner(definition: TriggerDefinition): TriggerRunner {
    const { region, accountId, metrics, ...options } = this.#options;
    const { name, table } = definition;
    const runner = new TriggerRunner({
      ...options,
      name,
      functionArn: `arn:aws:lambda:${region}:${accountId}:function:${name}`,
      counters: triggerCounters(metrics, { trigger: name, table }),
    });
    this.#runners.set(name, runner);
    return runner;
  }

  async #halt(name: string): Promise<void> {
    await this.#runners.get(name)?.stop();
    this.#runners.delete(name);
  }

  #kept(name: string): KeptTrigger {
    const kept = this.#options.documents.trigger(name);
    if (kept === undefined) throw new TriggerRefused('unknown', `there is no trigger ${name}`);
    return kept;
  }

  #view({ definition, createdMs, streamArn, isPaused }: KeptTrigger): TriggerView {
    return {
      definition: definitionJson(definition),
      createdMs,
      streamArn,
      isPaused,
      progress: this.#runners.get(definition.name)?.progress,
    };
  }

  #samples(): readonly {
    readonly labels: { readonly trigger: string; readonly table: string };
    readonly progress: TriggerProgress;
  }[] {
    return [...this.#runners].map(([trigger, { progress }]) => {
      const { definition } = present(this.#options.documents.trigger(trigger), 'the trigger');
      return { labels: { trigger, table: definition.table }, progress };
    });
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      if (this.#isStopped) throw new TriggerRefused('stopping', 'the region is stopping');
      return task();
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
