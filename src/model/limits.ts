/**
 * DynamoDB's limits, from its service quotas page and its service model. Sizes of items are in bytes as
 * DynamoDB counts them (see `itemSizeBytes`), other sizes in bytes of the wire.
 */

export const ITEM_BYTES_MAX = 400 * 1024;
/** A page of Query or Scan ends once the items in it pass this. */
export const PAGE_BYTES_MAX = 1024 * 1024;
export const BATCH_RESPONSE_BYTES_MAX = 16 * 1024 * 1024;
/** A larger body is answered with 413. */
export const REQUEST_BODY_BYTES_MAX = 16 * 1024 * 1024;

export const BATCH_GET_KEYS_MAX = 100;
export const BATCH_WRITE_REQUESTS_MAX = 25;
/** What the actions of a transaction write with them, or what one reads. */
export const TRANSACTION_BYTES_MAX = 4 * 1024 * 1024;

/** Levels of lists and maps, the attribute itself being the first. */
export const NESTING_LEVELS_MAX = 32;
/** Of values that are compared with and not stored: 33 levels were taken, and 40 refused. Source: conformance. */
export const COMPARED_LEVELS_MAX = 33;
/** Of a name or a value in an expression, with its first character. */
export const PLACEHOLDER_BYTES_MAX = 255;
export const ATTRIBUTE_NAME_BYTES_MAX = 64 * 1024 - 1;

export const PARTITION_KEY_BYTES_MAX = 2048;
export const SORT_KEY_BYTES_MAX = 1024;
/** Of a global index: four partition and four sort attributes. */
export const KEY_ATTRIBUTES_MAX = 8;

export const NUMBER_DIGITS_MAX = 38;
/** Exponents of the leading digit. */
export const NUMBER_EXPONENT_MIN = -130;
export const NUMBER_EXPONENT_MAX = 125;

export const EXPRESSION_BYTES_MAX = 4096;
export const EXPRESSION_OPERATORS_MAX = 300;
export const IN_OPERANDS_MAX = 100;

export const TABLE_NAME_LENGTH_MIN = 3;
export const TABLE_NAME_LENGTH_MAX = 255;
export const LIST_TABLES_MAX = 100;
export const INDEX_NAME_LENGTH_MIN = 3;
export const INDEX_NAME_LENGTH_MAX = 255;
export const LOCAL_INDEXES_MAX = 5;
export const GLOBAL_INDEXES_MAX = 20;
/** Named by the projections of all indexes of a table together. */
export const PROJECTED_ATTRIBUTES_MAX = 100;

/** Tags of a table: how many, lengths in UTF-16 units, and all keys and values together in bytes of UTF-8. */
export const TAGS_MAX = 50;
export const TAG_KEY_LENGTH_MAX = 128;
export const TAG_VALUE_LENGTH_MAX = 256;
export const TAG_SET_BYTES_MAX = 10_240;

/** Provisioned units of reading, and as many of writing, that an account has by default. */
export const ACCOUNT_CAPACITY_UNITS_MAX = 80_000;
export const TABLE_CAPACITY_UNITS_MAX = 40_000;

/** What one capacity unit covers. */
export const READ_UNIT_BYTES = 4096;
export const WRITE_UNIT_BYTES = 1024;

/** Streams, or shards of a stream, in one answer. */
export const STREAMS_PAGE_MAX = 100;
/** Records, and their bytes, in one answer of GetRecords. */
export const STREAM_RECORDS_MAX = 1000;
export const STREAM_RECORDS_BYTES_MAX = 1024 * 1024;
