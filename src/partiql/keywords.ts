/**
 * Words that name nothing unless they are quoted: the reserved words of SQL-92 and those that PartiQL adds. In lower
 * case. Source: partiql-lang.
 */
const KEYWORDS: ReadonlySet<string> = new Set(
  `absolute action add all allocate alter and any are as asc assertion at authorization avg bag begin between bigint bit
  bit_length blob bool boolean both by can_cast can_lossless_cast cascade cascaded case cast catalog char char_length
  character character_length check clob close coalesce collate collation column commit conflict connect connection
  constraint constraints continue convert corresponding count create cross current current_date current_time
  current_timestamp current_user cursor date date_add date_diff deallocate dec decimal declare default deferrable
  deferred delete desc describe descriptor diagnostics disconnect distinct do domain double drop else end escape except
  exception exec execute exists external extract false fetch first float for foreign found from full get global go goto
  grant group having identity immediate in index indicator initially inner input insensitive insert int int2 int4 int8
  integer integer2 integer4 integer8 intersect interval into is isolation join key language last leading left let level
  like limit list local lower match max min missing modified module names national natural nchar new next no not nothing
  null nullif numeric octet_length of offset old on only open option or order outer output overlaps pad partial pivot
  position precision prepare preserve primary prior privileges procedure public read real references relative remove
  restrict returning revoke right rollback rows schema scroll section select session session_user set sexp size smallint
  some space sql sqlcode sqlerror sqlstate string struct substring sum symbol system_user table temporary then time
  timestamp to trailing transaction translate translation trim true tuple union unique unknown unpivot update upper usage
  user using value values varchar varying view when whenever where with work write zone`.split(
    /\s+/,
  ),
);

/** Words that join or change expressions. */
const OPERATORS: ReadonlySet<string> = new Set([
  'and',
  'or',
  'not',
  'is',
  'in',
  'between',
  'like',
  'union',
  'except',
  'intersect',
]);

/** Keywords that name functions where a parenthesis follows. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  'exists',
  'count',
  'avg',
  'max',
  'min',
  'sum',
  'substring',
  'char_length',
  'character_length',
  'octet_length',
  'bit_length',
  'upper',
  'lower',
  'size',
  'sexp',
  'list',
  'bag',
]);

/** What a type is called by other names. */
const TYPE_ALIASES: ReadonlyMap<string, string> = new Map([
  ['varchar', 'character_varying'],
  ['char', 'character'],
  ['dec', 'decimal'],
  ['int', 'integer'],
  ['int2', 'smallint'],
  ['integer2', 'smallint'],
  ['int4', 'integer4'],
  ['int8', 'integer8'],
  ['bigint', 'integer8'],
  ['bool', 'boolean'],
]);

const TYPES: ReadonlySet<string> = new Set(
  `missing null boolean smallint integer4 integer8 integer float real double_precision decimal numeric timestamp date time
  character character_varying string symbol clob blob struct tuple list sexp bag any`.split(/\s+/),
);

export const isKeyword = (word: string): boolean => KEYWORDS.has(word);
export const isOperatorWord = (word: string): boolean => OPERATORS.has(word);
export const isFunctionKeyword = (word: string): boolean => FUNCTIONS.has(word);

/** The type of that name, by the one name that it has; undefined for what is no type. */
export function typeNamed(word: string): string | undefined {
  const type = TYPE_ALIASES.get(word) ?? word;
  return TYPES.has(type) ? type : undefined;
}
