/*
 * What the parsers make of an expression's text: placeholders are still placeholders, nothing but the
 * grammar has been checked.
 */

export type PathPart =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'index'; readonly digits: string };

export interface SyntaxPath {
  readonly kind: 'path';
  readonly parts: readonly PathPart[];
}

export interface SyntaxValue {
  readonly kind: 'value';
  readonly placeholder: string;
}

export interface SyntaxFunction {
  readonly kind: 'function';
  readonly name: string;
  readonly operands: readonly SyntaxOperand[];
}

export type SyntaxOperand = SyntaxPath | SyntaxValue | SyntaxFunction;

export type SyntaxCondition =
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly SyntaxCondition[] }
  | { readonly kind: 'not'; readonly condition: SyntaxCondition }
  /** `operator` is a comparator, `BETWEEN` or `IN`. */
  | {
      readonly kind: 'test';
      readonly operator: string;
      readonly operands: readonly SyntaxOperand[];
    }
  | SyntaxFunction;

export type SyntaxSetValue =
  | {
      readonly kind: 'arithmetic';
      readonly operator: '+' | '-';
      readonly operands: readonly [SyntaxOperand, SyntaxOperand];
    }
  | SyntaxOperand;

export type SectionName = 'SET' | 'REMOVE' | 'ADD' | 'DELETE';

export type SyntaxAction =
  | { readonly section: 'SET'; readonly path: SyntaxPath; readonly value: SyntaxSetValue }
  | { readonly section: 'REMOVE'; readonly path: SyntaxPath }
  | { readonly section: 'ADD' | 'DELETE'; readonly path: SyntaxPath; readonly value: SyntaxValue };

/** `sections` in the order in which they are opened, repetitions included. */
export interface SyntaxUpdate {
  readonly sections: readonly SectionName[];
  readonly actions: readonly SyntaxAction[];
}
