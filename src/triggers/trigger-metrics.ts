import type { CounterOf, Metrics } from '../telemetry/metrics.ts';
import type { GiveUpCondition } from './failure-letter.ts';

export interface TriggerCounters {
  readonly handled: CounterOf<'tidemark_trigger_handled_records_total'>;
  readonly filtered: CounterOf<'tidemark_trigger_filtered_records_total'>;
  readonly invocations: (outcome: string) => CounterOf<'tidemark_trigger_invocations_total'>;
  readonly givenUp: (
    condition: GiveUpCondition,
  ) => CounterOf<'tidemark_trigger_given_up_records_total'>;
}

export function triggerCounters(
  metrics: Metrics,
  labels: { readonly trigger: string; readonly table: string },
): TriggerCounters {
  return {
    handled: metrics.counter('tidemark_trigger_handled_records_total', labels),
    filtered: metrics.counter('tidemark_trigger_filtered_records_total', labels),
    invocations: (outcome) =>
      metrics.counter('tidemark_trigger_invocations_total', { ...labels, outcome }),
    givenUp: (condition) =>
      metrics.counter('tidemark_trigger_given_up_records_total', { ...labels, condition }),
  };
}
