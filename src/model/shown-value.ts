import { NESTING_LEVELS_MAX } from './limits.ts';
import { type Shape, SHAPES } from './service-model.ts';

/**
 * A value as messages show it, in Java's notation: `[a, b]`, `{key=value}`, `KeySchemaElement(attributeName=a, ...)`.
 * Source: texts of DynamoDB.
 */
export const showAs = (shape: Shape, value: unknown): string => show(shape, value, 0);

/** As JSON, which is how newer parts of DynamoDB show a request's map. Source: conformance, of BatchGetItem. */
export const showAsJson = (value: unknown): string => showJson(value, 0);

function showJson(value: unknown, level: number): string {
  if (level > SHOWN_LEVELS_MAX) return LEFT_OUT;
  if (Array.isArray(value))
    return `[${value.map((element) => showJson(element, level + 1)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${showJson(each, level + 1)}`).join(',')}}`;
}

/** What nests deeper is left out: it is no value of DynamoDB's, and must not exhaust the stack. */
const SHOWN_LEVELS_MAX = 4 * NESTING_LEVELS_MAX;
const LEFT_OUT = '...';

function show(shape: Shape, value: unknown, level: number): string {
  if (level > SHOWN_LEVELS_MAX) return LEFT_OUT;
  if (shape.type === 'list' && Array.isArray(value)) {
    return `[${value.map((element) => showNamed(shape.member, element, level)).join(', ')}]`;
  }
  if (shape.type === 'map' && typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return `{${entries.map(([key, each]) => `${key}=${showNamed(shape.value, each, level)}`).join(', ')}}`;
  }
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? LEFT_OUT : JSON.stringify(value);
}

/** Members of DynamoDB's own classes, in their order, where they are others than those of the service model. */
const CLASS_MEMBERS: Readonly<Record<string, string>> = {
  AttributeValue: 'S N B INT DECIMAL DOUBLE SS NS BS INTSET DECIMALSET DOUBLESET M L NULL BOOL',
  PutRequest: 'Item WorkloadProfileName',
  WriteRequest: 'PutRequest DeleteRequest',
};

const ANY_TEXT: Shape = { type: 'string' };

function showNamed(name: string, value: unknown, level: number): string {
  if (value === null || value === undefined) return 'null';
  const shape = SHAPES[name];
  if (shape?.type !== 'structure' || typeof value !== 'object') {
    return show(shape ?? ANY_TEXT, value, level + 1);
  }
  const given: ReadonlyMap<string, unknown> = new Map(Object.entries(value));
  const members = (CLASS_MEMBERS[name]?.split(' ') ?? Object.keys(shape.members)).map((member) => {
    const label = member.charAt(0).toLowerCase() + member.slice(1);
    return `${label}=${showNamed(shape.members[member] ?? '', given.get(member), level + 1)}`;
  });
  return `${name}(${members.join(', ')})`;
}
