import { validationError } from './errors.ts';
import { TAG_KEY_LENGTH_MAX, TAG_SET_BYTES_MAX, TAG_VALUE_LENGTH_MAX, TAGS_MAX } from './limits.ts';
import {
  TAGS_TOO_MANY,
  tagKeyDuplicate,
  tagKeyInvalid,
  tagKeyReserved,
  tagSetTooLarge,
  tagValueInvalid,
} from './messages.ts';
import type { Tag } from './table.ts';

/** Rules of a table's tags. Source: measured, DDB-TABLE-105 to 110 and 372 of api-quirks. */

/** What a request asks of a table's tags. */
export type TagChange =
  | { readonly kind: 'put'; readonly tags: readonly Tag[] }
  | { readonly kind: 'remove'; readonly keys: readonly string[] };

/** The tags after a change, the same list when that changes nothing. Throws `ValidationException` as `checkTagsFit`. */
export function changedTags(tags: readonly Tag[], change: TagChange): readonly Tag[] {
  const gone = change.kind === 'put' ? change.tags.map(({ key }) => key) : change.keys;
  const kept = tags.filter(({ key }) => !gone.includes(key));
  if (change.kind === 'remove') return kept.length === tags.length ? tags : kept;
  const isAsItIs = change.tags.every((tag) =>
    tags.some(({ key, value }) => key === tag.key && value === tag.value),
  );
  if (isAsItIs) return tags;
  const values = new Map(change.tags.map(({ key, value }) => [key, value]));
  const standing = tags.map(({ key, value }) => ({ key, value: values.get(key) ?? value }));
  const added = change.tags.filter(({ key }) => !tags.some((tag) => tag.key === key));
  const changed = [...standing, ...added];
  checkTagsFit(changed);
  return changed;
}

/** Throws `ValidationException` when these are more, or larger, than a table's tags can be. */
export function checkTagsFit(tags: readonly Tag[]): void {
  checkTagCount(tags);
  const bytes = tags.reduce(
    (sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (bytes > TAG_SET_BYTES_MAX) throw validationError(tagSetTooLarge(bytes, TAG_SET_BYTES_MAX));
}

/** Throws `ValidationException` for more tags, or keys of tags, than a table can have. */
export function checkTagCount(tagsOrKeys: readonly unknown[]): void {
  if (tagsOrKeys.length > TAGS_MAX) throw validationError(TAGS_TOO_MANY);
}

/** Letters and digits of any script, spaces, and seven signs. */
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const RESERVED_PREFIX = /^aws:/i;

/** Throws `ValidationException` for what is no key that a client may use. */
export function checkTagKey(key: string | undefined): asserts key is string {
  const isValid =
    key !== undefined && key !== '' && key.length <= TAG_KEY_LENGTH_MAX && TAG_TEXT.test(key);
  if (!isValid) throw validationError(tagKeyInvalid(key));
  if (RESERVED_PREFIX.test(key)) throw validationError(tagKeyReserved(key));
}

/** Throws `ValidationException` for what is no value; the empty text is one. */
export function checkTagValue(value: string | undefined): asserts value is string {
  const isValid =
    value !== undefined && value.length <= TAG_VALUE_LENGTH_MAX && TAG_TEXT.test(value);
  if (!isValid) throw validationError(tagValueInvalid(value));
}

/** Throws `ValidationException` naming the first key that comes twice. */
export function checkTagKeysDiffer(tags: readonly Tag[]): void {
  const seen = new Set<string>();
  for (const { key } of tags) {
    if (seen.has(key)) throw validationError(tagKeyDuplicate(key));
    seen.add(key);
  }
}
