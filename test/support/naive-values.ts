import fc from 'fast-check';

/** A value as the wire has it. */
export interface Value {
  readonly S?: string;
  readonly N?: string;
  readonly B?: string;
  readonly BOOL?: boolean;
  readonly NULL?: boolean;
  readonly SS?: readonly string[];
  readonly NS?: readonly string[];
  readonly L?: readonly Value[];
  readonly M?: Item;
}

export type Item = Readonly<Record<string, Value>>;

/** Names in a map, places in a list. */
export type Path = readonly (string | number)[];

export const typeOf = (value: Value): string => Object.keys(value)[0] ?? '';

/** The same for values that are equal: sets have no order, and maps neither. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, each]: [string, unknown]) => {
    const isSet = (name === 'SS' || name === 'NS') && Array.isArray(each);
    return [name, isSet ? each.map(String).toSorted() : canonical(each)] as const;
  });
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

export const isSame = (one: Value, other: Value): boolean =>
  JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));

/** Negative, 0 or positive; undefined where values have no order. */
export function ordered(one: Value, other: Value): number | undefined {
  if (one.S !== undefined && other.S !== undefined)
    return Buffer.compare(Buffer.from(one.S), Buffer.from(other.S));
  if (one.N !== undefined && other.N !== undefined) return Number(one.N) - Number(other.N);
  if (one.B !== undefined && other.B !== undefined)
    return Buffer.compare(Buffer.from(one.B, 'base64'), Buffer.from(other.B, 'base64'));
  return undefined;
}

export function valueAt(item: Item, path: Path): Value | undefined {
  let value: Value | undefined = { M: item };
  for (const step of path) value = typeof step === 'number' ? value?.L?.[step] : value?.M?.[step];
  return value;
}

/** Halves, so that floating point is exact. */
export const numbers = fc.integer({ min: -2, max: 3 }).map((half) => ({ N: String(half / 2) }));
export const strings = fc
  .array(fc.constantFrom('a', 'b', 'A', 'ä', '😀', '\uffee'), { minLength: 1, maxLength: 3 })
  .map((letters) => ({ S: letters.join('') }));
export const binaries = fc
  .uint8Array({ minLength: 1, maxLength: 2 })
  .map((bytes) => ({ B: Buffer.from(bytes).toString('base64') }));
export const stringSets = fc
  .uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 })
  .map((SS) => ({ SS }));
export const numberSets = fc
  .uniqueArray(fc.constantFrom('1', '2', '0.5'), { minLength: 1 })
  .map((NS) => ({ NS }));
export const scalars: fc.Arbitrary<Value> = fc.oneof(
  numbers,
  numbers,
  strings,
  binaries,
  fc.boolean().map((BOOL) => ({ BOOL })),
  fc.constant({ NULL: true }),
);
export const lists: fc.Arbitrary<Value> = fc.array(scalars, { maxLength: 4 }).map((L) => ({ L }));
export const maps: fc.Arbitrary<Value> = fc
  .record({ x: scalars, y: numbers }, { requiredKeys: [] })
  .map((M) => ({ M }));

/** Collects names and values as an expression is written, and gives each its placeholder. */
export class Placeholders {
  readonly #names = new Map<string, string>();
  readonly #values: Value[] = [];

  name(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const placeholder = `#n${this.#names.size}`;
    this.#names.set(name, placeholder);
    return placeholder;
  }

  value(value: Value): string {
    this.#values.push(value);
    return `:v${this.#values.length - 1}`;
  }

  path(path: Path): string {
    return path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${this.name(step)}`))
      .join('')
      .slice(1);
  }

  /** As members of a request. */
  members() {
    const names = [...this.#names].map(([name, placeholder]) => [placeholder, name] as const);
    const values = this.#values.map((value, at) => [`:v${at}`, value] as const);
    return {
      ExpressionAttributeNames: names.length === 0 ? undefined : Object.fromEntries(names),
      ExpressionAttributeValues: values.length === 0 ? undefined : Object.fromEntries(values),
    };
  }
}
