import type { HybridTime } from '../clock/hybrid-time.ts';

/**
 * Where a record stands in a partition's log. By time first: it never goes back, not where a log is forked or goes on from
 * older disks either, where the same index comes again. A place between records is a number too: `ordinal` 0 is before
 * the entry's first record, `ORDINAL_MAX` behind its last.
 */
export interface SequenceNumber {
  /** The partition's time with the entry. */
  readonly time: HybridTime;
  /** Of the entry; 0 is before every entry of that time. */
  readonly index: number;
  /** The record's place in the entry, from 1. */
  readonly ordinal: number;
}

export const ORDINAL_MAX = 999_999;
export const INDEX_MAX = 9_999_999_999_999;

const TIME_DIGITS = 16;
const INDEX_DIGITS = 13;
const ORDINAL_DIGITS = 6;
/** All have the same length and no leading zero: as texts and as numbers they order alike. */
const PREFIX = '1';
const TEXT = /^1(\d{16})(\d{13})(\d{6})$/;

/** 36 digits; DynamoDB takes 21 to 40. */
export const sequenceText = ({ time, index, ordinal }: SequenceNumber): string =>
  PREFIX +
  String(time).padStart(TIME_DIGITS, '0') +
  String(index).padStart(INDEX_DIGITS, '0') +
  String(ordinal).padStart(ORDINAL_DIGITS, '0');

/** Undefined for a text that `sequenceText` never makes. */
export function parseSequence(text: string): SequenceNumber | undefined {
  const match = TEXT.exec(text);
  if (match === null) return undefined;
  const [, time, index, ordinal] = match;
  return { time: Number(time), index: Number(index), ordinal: Number(ordinal) };
}

export const compareSequence = (a: SequenceNumber, b: SequenceNumber): number =>
  a.time - b.time || a.index - b.index || a.ordinal - b.ordinal;
