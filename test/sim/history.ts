/** What clients did and saw, in the order in which it happened: all that a checker knows. */
export interface Operation {
  readonly id: number;
  readonly region: string;
  readonly client: string;
  readonly table: string;
  readonly key: string;
  readonly action: Action;
  /** Places in one order of all invocations and returns of a world. */
  readonly invoked: number;
  readonly invokedMs: number;
  /** Undefined as long as nobody knows: the process died, or the answer was an error that leaves it open. */
  returned: number | undefined;
  outcome: Outcome;
}

export type Action =
  | { readonly kind: 'read' }
  /** An eventually consistent one. */
  | { readonly kind: 'read nearby' }
  /** `value` undefined is a deletion. `expects` is what must stand there; undefined is no condition. */
  | {
      readonly kind: 'write';
      readonly value: string | undefined;
      readonly expects: Expectation | undefined;
    }
  /** Adds one, whatever stands there. */
  | { readonly kind: 'add' };

export type Expectation =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'absent' };

/**
 * `seen`: what stood there before a write, or what a read found. `failed`: certainly without effect. `unknown`: with an
 * effect or without, now or later. `found`: refused because something stood there, and not told what.
 */
export type Outcome =
  | { readonly kind: 'applied' | 'refused' | 'read'; readonly seen: string | undefined }
  /** Of a batch, which is not told what stood there. */
  | { readonly kind: 'applied' }
  | { readonly kind: 'found' | 'failed' | 'unknown' };

/** Something that cannot be if the promises hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly checker: string;

  constructor(checker: string, message: string) {
    super(`${checker}: ${message}`);
    this.checker = checker;
  }
}
