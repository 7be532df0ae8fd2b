/**
 * The event filters of Lambda's event source mappings (developer guide, "Control which events Lambda sends to your function"):
 * a pattern has the structure of the record, with a list of rules for each value; all fields must match, one rule of each list
 * suffices. Beyond Lambda, `numeric` also compares DynamoDB's numbers, which are text in a record: `{"N": [{"numeric": ...}]}`.
 */
export interface EventFilter {
  matches(record: unknown): boolean;
}

/** Lambda's limit. */
export const FILTER_PATTERN_LENGTH_MAX = 4096;

/** Ours: a pattern within the length above can nest deeper than a stack should. */
const PATTERN_LEVELS_MAX = 64;

/** A pattern that is none; the message says what is wrong where. */
export class EventFilterError extends Error {
  override readonly name = 'EventFilterError';
}

/** Throws `EventFilterError`. */
export function parseEventFilter(pattern: string): EventFilter {
  if (pattern.length > FILTER_PATTERN_LENGTH_MAX)
    throw new EventFilterError(`a pattern has ${FILTER_PATTERN_LENGTH_MAX} characters at most`);
  let value: unknown;
  try {
    value = JSON.parse(pattern);
  } catch {
    throw new EventFilterError(`no JSON: ${pattern}`);
  }
  const test = objectTest(value, { place: 'the pattern', levels: 0 });
  return { matches: test };
}

type Test = (value: unknown) => boolean;

interface Place {
  readonly place: string;
  readonly levels: number;
}

/** Every field must match. A list in the record matches when one of its elements does. */
function objectTest(pattern: unknown, { place, levels }: Place): Test {
  if (!isObject(pattern)) throw new EventFilterError(`${place}: expected an object`);
  if (levels >= PATTERN_LEVELS_MAX)
    throw new EventFilterError(`a pattern has ${PATTERN_LEVELS_MAX} levels at most`);
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new EventFilterError(`${place}: an object without a field`);
  const tests = entries.map(([name, rule]) =>
    name === '$or'
      ? orTest(rule, { place: `${place}.$or`, levels: levels + 1 })
      : fieldTest(name, rule, { place: `${place}.${name}`, levels: levels + 1 }),
  );
  const matchesOne: Test = (value) => tests.every((test) => test(value));
  return (value) => (Array.isArray(value) ? value.some(matchesOne) : matchesOne(value));
}

function orTest(rule: unknown, { place, levels }: Place): Test {
  if (!Array.isArray(rule) || rule.length < 2)
    throw new EventFilterError(`${place}: expected a list of two or more objects`);
  const tests = rule.map((each, at) => objectTest(each, { place: `${place}[${at}]`, levels }));
  return (value) => tests.some((test) => test(value));
}

function fieldTest(name: string, rule: unknown, place: Place): Test {
  if (!Array.isArray(rule)) {
    if (!isObject(rule)) {
      throw new EventFilterError(
        `${place.place}: expected a list, such as ["INSERT"], or an object`,
      );
    }
    const test = objectTest(rule, place);
    return (value) => test(memberOf(value, name));
  }
  if (rule.length === 0) throw new EventFilterError(`${place.place}: a list without a rule`);
  const isNumberText = name === 'N';
  const tests = rule.map((each, at) => ruleTest(each, `${place.place}[${at}]`, isNumberText));
  return (value) => {
    const member = memberOf(value, name);
    return tests.some((test) => test(member));
  };
}

/** A test of a leaf: undefined stands for a field that is not there. */
function ruleTest(rule: unknown, place: string, isNumberText: boolean): Test {
  if (rule === null || ['string', 'number', 'boolean'].includes(typeof rule))
    return leafTest((leaf) => leaf === rule);
  if (!isObject(rule)) throw new EventFilterError(`${place}: expected a value or an object`);
  const [[operator, operand] = ['', undefined], ...more] = Object.entries(rule);
  if (more.length > 0) throw new EventFilterError(`${place}: expected one operator`);
  switch (operator) {
    case 'exists':
      return existsTest(operand, place);
    case 'prefix':
      return affixTest(operand, place, (text, affix) => text.startsWith(affix));
    case 'suffix':
      return affixTest(operand, place, (text, affix) => text.endsWith(affix));
    case 'equals-ignore-case': {
      const wanted = textIn(operand, place).toLowerCase();
      return leafTest((leaf) => typeof leaf === 'string' && leaf.toLowerCase() === wanted);
    }
    case 'anything-but':
      return anythingButTest(operand, place);
    case 'numeric':
      return numericTest(operand, place, isNumberText);
    default:
      throw new EventFilterError(
        `${place}: ${operator === '' ? 'no operator' : `unknown operator ${operator}`}; there are ${OPERATORS.join(', ')}`,
      );
  }
}

const OPERATORS = [
  'exists',
  'prefix',
  'suffix',
  'equals-ignore-case',
  'anything-but',
  'numeric',
] as const;

/** Leaves only: an object, a list without a leaf, and what is not there match nothing. */
const leafTest =
  (test: (leaf: unknown) => boolean): Test =>
  (value) =>
    Array.isArray(value)
      ? value.some((each) => isLeaf(each) && test(each))
      : isLeaf(value) && test(value);

const isLeaf = (value: unknown): boolean =>
  value !== undefined && (value === null || typeof value !== 'object');

function existsTest(operand: unknown, place: string): Test {
  if (typeof operand !== 'boolean')
    throw new EventFilterError(`${place}: exists takes true or false`);
  const isThere = leafTest(() => true);
  return (value) => isThere(value) === operand;
}

function affixTest(
  operand: unknown,
  place: string,
  has: (text: string, affix: string) => boolean,
): Test {
  if (isObject(operand)) {
    const affix = textIn(operand['equals-ignore-case'], place).toLowerCase();
    return leafTest((leaf) => typeof leaf === 'string' && has(leaf.toLowerCase(), affix));
  }
  const affix = textIn(operand, place);
  return leafTest((leaf) => typeof leaf === 'string' && has(leaf, affix));
}

function anythingButTest(operand: unknown, place: string): Test {
  const values: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  const isOfOneType =
    values.every((each) => typeof each === 'string') ||
    values.every((each) => typeof each === 'number');
  if (values.length === 0 || !isOfOneType)
    throw new EventFilterError(
      `${place}: anything-but takes a text, a number, or a list of one of these`,
    );
  const but = new Set<unknown>(values);
  return leafTest((leaf) => !but.has(leaf));
}

const COMPARISONS: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '=': (left, right) => left === right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

/** A comparison, or two that make a range. */
function numericTest(operand: unknown, place: string, isNumberText: boolean): Test {
  const wrong = (): EventFilterError =>
    new EventFilterError(
      `${place}: numeric takes a comparison such as ["=", 5], or a range such as [">", 0, "<=", 5]`,
    );
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) throw wrong();
  const elements: readonly unknown[] = operand;
  const tests: ((value: number) => boolean)[] = [];
  for (let at = 0; at < elements.length; at += 2) {
    const [symbol, bound] = [elements[at], elements[at + 1]];
    const compare = typeof symbol === 'string' ? COMPARISONS[symbol] : undefined;
    if (compare === undefined || typeof bound !== 'number') throw wrong();
    tests.push((value) => compare(value, bound));
  }
  if (elements.length === 4 && !isRange(String(elements[0]), String(elements[2]))) throw wrong();
  return leafTest((leaf) => {
    const value = isNumberText && typeof leaf === 'string' && leaf !== '' ? Number(leaf) : leaf;
    return typeof value === 'number' && tests.every((test) => test(value));
  });
}

const isRange = (first: string, second: string): boolean =>
  first.startsWith('>') && second.startsWith('<');

function textIn(operand: unknown, place: string): string {
  if (typeof operand !== 'string') throw new EventFilterError(`${place}: expected text`);
  return operand;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const memberOf = (value: unknown, name: string): unknown =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
