import type { Operation } from '../history.ts';

/** An operation as the search sees it. */
interface Step {
  readonly operation: Operation;
  readonly invoked: number;
  readonly returned: number;
  /** Without it nobody knows whether it took effect. */
  readonly isCertain: boolean;
}

/** Above this many open operations at once the search takes too long. */
const stepsMax = 200_000;

/**
 * Whether the operations on one register, each with what it answered, have an order that explains all answers and in
 * which none comes before one that had returned when it was invoked (Wing and Gong, 1993, with Lowe's memory of
 * places seen). `initial` undefined is absent. Returns what is wrong, or undefined. Values are unique, so a write whose
 * outcome nobody knows and whose value nobody saw may be left out.
 */
export function explainRegister(
  operations: readonly Operation[],
  initial: string | undefined,
): string | undefined {
  const seen = new Set<string>();
  for (const { outcome, action } of operations) {
    if ('seen' in outcome && outcome.seen !== undefined) seen.add(outcome.seen);
    if (action.kind === 'write' && action.expects?.kind === 'value' && outcome.kind === 'applied')
      seen.add(action.expects.value);
  }
  const steps = operations
    .filter(({ outcome }) => outcome.kind !== 'failed')
    .map((operation): Step => {
      const isCertain = operation.outcome.kind !== 'unknown';
      const returned = isCertain ? (operation.returned ?? Infinity) : Infinity;
      return { operation, invoked: operation.invoked, returned, isCertain };
    })
    .filter(({ isCertain, operation: { action } }) => {
      if (isCertain) return true;
      if (action.kind !== 'write') return false;
      // A deletion of unknown outcome may have been seen by anybody.
      return action.value === undefined || seen.has(action.value);
    })
    .toSorted((a, b) => a.invoked - b.invoked);
  return search(steps, initial);
}

/** The value after the step, or `impossible`. */
function apply(
  { action, outcome }: Operation,
  value: string | undefined,
): { readonly value: string | undefined } | 'impossible' {
  if (action.kind === 'read' || action.kind === 'read nearby')
    return outcome.kind === 'read' && outcome.seen === value ? { value } : 'impossible';
  if (action.kind === 'add') return 'impossible';
  if ('seen' in outcome && outcome.seen !== value) return 'impossible';
  if (outcome.kind === 'found') return value === undefined ? 'impossible' : { value };
  const { expects } = action;
  const holds =
    expects === undefined ||
    (expects.kind === 'absent' ? value === undefined : value === expects.value);
  if (outcome.kind === 'refused') return holds ? 'impossible' : { value };
  if (!holds) return outcome.kind === 'applied' ? 'impossible' : { value };
  return { value: action.value };
}

interface Place {
  /** Every step before it is done. */
  readonly next: number;
  /** Steps at or after `next` that are done. */
  readonly done: readonly number[];
  readonly value: string | undefined;
}

function search(steps: readonly Step[], initial: string | undefined): string | undefined {
  const known = new Set<string>();
  const stack: Place[] = [{ next: 0, done: [], value: initial }];
  let furthest = 0;
  let tried = 0;
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (isAllDone(steps, place)) return undefined;
    tried += 1;
    if (tried > stepsMax) return undefined;
    furthest = Math.max(furthest, place.next);
    for (const following of successors(steps, place)) {
      const name = `${following.next}|${following.done.join(',')}|${following.value ?? ''}`;
      if (known.has(name)) continue;
      known.add(name);
      stack.push(following);
    }
  }
  const stuck = steps[furthest]?.operation;
  return stuck === undefined ? 'no order explains it' : `no order explains #${stuck.id}`;
}

function isAllDone(steps: readonly Step[], { next, done }: Place): boolean {
  for (let at = next; at < steps.length; at += 1)
    if (steps[at]?.isCertain === true && !done.includes(at)) return false;
  return true;
}

function* successors(steps: readonly Step[], place: Place): Generator<Place> {
  let deadline = Infinity;
  for (let at = place.next; at < steps.length; at += 1) {
    const { invoked, returned } = steps[at] ?? { invoked: Infinity, returned: Infinity };
    // Whatever comes behind has returned later still.
    if (invoked > deadline) break;
    if (!place.done.includes(at)) deadline = Math.min(deadline, returned);
  }
  for (let at = place.next; at < steps.length; at += 1) {
    const step = steps[at];
    if (step === undefined || step.invoked > deadline) break;
    if (place.done.includes(at)) continue;
    const after = apply(step.operation, place.value);
    if (after === 'impossible') continue;
    // Without effect it changes nothing and need not be placed.
    if (!step.isCertain && after.value === place.value) continue;
    let next = place.next;
    const done = new Set(place.done).add(at);
    while (done.delete(next)) next += 1;
    yield { next, done: [...done].toSorted((a, b) => a - b), value: after.value };
  }
}
