import { type Shape, SHAPES } from './service-model.ts';

/**
 * A value as messages show it, in Java's notation: `[a, b]`, `{key=value}`, `KeySchemaElement(attributeName=a, ...)`.
 * Source: texts of DynamoDB.
 */
export function showAs(shape: Shape, value: unknown): string {
  if (shape.type === 'list' && Array.isArray(value)) {
    return `[${value.map((element) => showNamed(shape.member, element)).join(', ')}]`;
  }
  if (shape.type === 'map' && typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return `{${entries.map(([key, each]) => `${key}=${showNamed(shape.value, each)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Members of DynamoDB's own classes, in their order, where they are others than those of the service model. */
const CLASS_MEMBERS: Readonly<Record<string, string>> = {
  AttributeValue: 'S N B INT DECIMAL DOUBLE SS NS BS INTSET DECIMALSET DOUBLESET M L NULL BOOL',
  PutRequest: 'Item WorkloadProfileName',
  WriteRequest: 'PutRequest DeleteRequest',
};

const ANY_TEXT: Shape = { type: 'string' };

function showNamed(name: string, value: unknown): string {
  if (value === null || value === undefined) return 'null';
  const shape = SHAPES[name];
  if (shape?.type !== 'structure' || typeof value !== 'object') {
    return showAs(shape ?? ANY_TEXT, value);
  }
  const given: ReadonlyMap<string, unknown> = new Map(Object.entries(value));
  const members = (CLASS_MEMBERS[name]?.split(' ') ?? Object.keys(shape.members)).map((member) => {
    const label = member.charAt(0).toLowerCase() + member.slice(1);
    return `${label}=${showNamed(shape.members[member] ?? '', given.get(member))}`;
  });
  return `${name}(${members.join(', ')})`;
}
