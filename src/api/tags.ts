import { validationError } from '../model/errors.ts';
import {
  checkTagCount,
  checkTagKey,
  checkTagKeysDiffer,
  checkTagValue,
  checkTagsFit,
} from '../model/table-tags.ts';
import type { Tag } from '../model/table.ts';
import { TAG_KEYS_MISSING, TAGS_MISSING } from './table-feature-messages.ts';

/** A tag as requests and answers have it. */
export interface TagMember {
  readonly Key?: string;
  readonly Value?: string;
}

/**
 * The tags that a table is to be created with; none is a valid list. Throws `ValidationException` for a set that no
 * table can have.
 */
export function validateTags(given: readonly TagMember[]): readonly Tag[] {
  const tags = given.map(({ Key: key, Value: value }) => {
    checkTagKey(key);
    checkTagValue(value);
    return { key, value };
  });
  checkTagKeysDiffer(tags);
  checkTagsFit(tags);
  return tags;
}

/** The tags to add to a table: at least one. Throws `ValidationException`. */
export function validateAddedTags(given: readonly TagMember[]): readonly Tag[] {
  if (given.length === 0) throw validationError(TAGS_MISSING);
  return validateTags(given);
}

/** The keys of the tags to remove from a table: at least one. Throws `ValidationException`. */
export function validateTagKeys(keys: readonly string[]): readonly string[] {
  if (keys.length === 0) throw validationError(TAG_KEYS_MISSING);
  for (const key of keys) checkTagKey(key);
  checkTagCount(keys);
  return keys;
}

export const describeTag = ({ key, value }: Tag): TagMember => ({ Key: key, Value: value });
