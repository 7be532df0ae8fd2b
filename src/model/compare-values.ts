import {
  type AttributeMap,
  attributeOf,
  attributeTypeOf,
  type AttributeValue,
} from './attribute-value.ts';
import { compareDecimals } from './decimal.ts';

/**
 * DynamoDB's order of two scalar values of one type, S, N or B: negative, 0 or positive. Undefined where it
 * has none: values of different types, and of all other types.
 */
export function compareAttributeValues(a: AttributeValue, b: AttributeValue): number | undefined {
  if ('S' in a) return 'S' in b ? compareStrings(a.S, b.S) : undefined;
  if ('N' in a) return 'N' in b ? compareDecimals(a.N, b.N) : undefined;
  if ('B' in a) return 'B' in b ? compareBinaries(a.B, b.B) : undefined;
  return undefined;
}

/** Whether two canonical values are the same: of one type, lists in order, sets and maps in any order. */
export function attributeValuesEqual(a: AttributeValue, b: AttributeValue): boolean {
  if ('S' in a) return 'S' in b && a.S === b.S;
  if ('N' in a) return 'N' in b && a.N === b.N;
  if ('B' in a) return 'B' in b && a.B === b.B;
  if ('BOOL' in a) return 'BOOL' in b && a.BOOL === b.BOOL;
  if ('M' in a) return 'M' in b && mapsEqual(a.M, b.M);
  if ('L' in a) return 'L' in b && listsEqual(a.L, b.L);
  if ('SS' in a) return 'SS' in b && setsEqual(a.SS, b.SS);
  if ('NS' in a) return 'NS' in b && setsEqual(a.NS, b.NS);
  if ('BS' in a) return 'BS' in b && setsEqual(a.BS, b.BS);
  return attributeTypeOf(b) === 'NULL';
}

function listsEqual(a: readonly AttributeValue[], b: readonly AttributeValue[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((element, i) => {
    const other = b[i];
    return other !== undefined && attributeValuesEqual(element, other);
  });
}

function mapsEqual(a: AttributeMap, b: AttributeMap): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const mine = attributeOf(a, name);
    const other = attributeOf(b, name);
    return mine !== undefined && other !== undefined && attributeValuesEqual(mine, other);
  });
}

/** Members of canonical sets are canonical texts, each once. */
function setsEqual(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const members = new Set(a);
  return b.every((member) => members.has(member));
}

const SURROGATE_FIRST = 0xd800;
const SURROGATE_LAST = 0xdfff;

/** The order of the strings' UTF-8 bytes, which is that of code points. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Code units order as code points do, but for surrogates, which stand for what is above every other unit. */
function codePointRank(unit: number): number {
  return unit >= SURROGATE_FIRST && unit <= SURROGATE_LAST ? unit + 0x10000 : unit;
}

/** The order of the bytes that two base64 texts stand for, unsigned, shorter first. */
function compareBinaries(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'base64'), Buffer.from(b, 'base64'));
}
