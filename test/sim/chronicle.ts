import { VirtualClock } from '../support/virtual-clock.ts';
import { type Operation, type Outcome, Violation } from './history.ts';
import { Journal } from './journal.ts';

/** What happens in a world, in its time: what clients did and saw, what is counted, and what broke a promise. */
export class Chronicle {
  readonly clock = VirtualClock.quick();
  readonly journal = new Journal(this.clock);
  readonly history: Operation[] = [];
  readonly violations: Violation[] = [];
  /** How often each fault and event happened. */
  readonly counts = new Map<string, number>();
  /** Resolves with the first violation. */
  readonly violated: Promise<void>;
  #tellViolated = (): void => {};
  #order = 0;

  constructor() {
    this.violated = new Promise((resolve) => {
      this.#tellViolated = resolve;
    });
  }

  note(who: string, what: string): void {
    this.journal.note(who, what);
  }

  count(event: string, by = 1): void {
    this.counts.set(event, (this.counts.get(event) ?? 0) + by);
  }

  violate(checker: string, message: string): void {
    // One bug shows in many places; the first few tell of it.
    if (this.violations.filter((known) => known.checker === checker).length >= 20) return;
    const violation = new Violation(checker, message);
    this.violations.push(violation);
    this.#tellViolated();
    this.note('WORLD', `VIOLATION ${violation.message}`);
  }

  /** The next place in the order of invocations and returns. */
  tick(): number {
    this.#order += 1;
    return this.#order;
  }

  invoke(what: Pick<Operation, 'region' | 'client' | 'table' | 'key' | 'action'>): Operation {
    const operation: Operation = {
      ...what,
      id: this.history.length,
      invoked: this.tick(),
      invokedMs: this.clock.monotonicMs(),
      returned: undefined,
      outcome: { kind: 'unknown' },
    };
    this.history.push(operation);
    this.note(what.client, `#${operation.id} ${what.table}/${what.key} ${actionText(operation)}`);
    return operation;
  }

  answer(operation: Operation, outcome: Outcome): Operation {
    operation.outcome = outcome;
    if (outcome.kind !== 'unknown') operation.returned = this.tick();
    if (outcome.kind !== 'failed' && outcome.kind !== 'unknown')
      this.count('acknowledged operation');
    const seen = 'seen' in outcome ? ` ${outcome.seen ?? '-'}` : '';
    this.note(operation.client, `#${operation.id} ${outcome.kind}${seen}`);
    return operation;
  }
}

function actionText({ action }: Operation): string {
  if (action.kind !== 'write') return action.kind;
  const { expects, value } = action;
  const condition =
    expects === undefined ? '' : ` if ${expects.kind === 'absent' ? 'absent' : expects.value}`;
  return `${value === undefined ? 'delete' : `write ${value}`}${condition}`;
}
