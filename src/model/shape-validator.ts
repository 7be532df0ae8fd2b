import { assert } from '../base/assert.ts';
import { checkAttributeMapTypes, checkAttributeValueTypes } from './attribute-value-types.ts';
import { checkBase64 } from './base64.ts';
import { serializationError, validationError } from './errors.ts';
import { TABLE_NAME_LENGTH_MAX, TABLE_NAME_LENGTH_MIN } from './limits.ts';
import {
  mapKeys,
  mapValues,
  MEMBER_NULL,
  memberEnum,
  memberLengthMax,
  memberLengthMin,
  memberPattern,
  memberValueMax,
  memberValueMin,
  GENERIC_NOT_CLASS,
  UNEXPECTED_FIELD,
  UNEXPECTED_STRUCTURE,
  UNEXPECTED_VALUE,
  unrecognizedCollection,
  validationErrors,
  violation,
} from './messages.ts';
import {
  type ListShape,
  type MapShape,
  type NumberShape,
  OPERATION_INPUTS,
  type Shape,
  SHAPES,
  type StringShape,
  type StructureShape,
} from './service-model.ts';
import { showAs, showAsJson } from './shown-value.ts';
import { isArn } from './table-arn.ts';
import { booleanFrom, wrongBinary, wrongType } from './wrong-type.ts';

export type OperationName = keyof typeof OPERATION_INPUTS;

export const isOperationName = (name: string): name is OperationName =>
  Object.hasOwn(OPERATION_INPUTS, name);

/**
 * Checks a parsed JSON body against the operation's input shape and returns it as the operation may read it:
 * members that are null are gone, fractions of whole numbers too, and texts for truth values are booleans.
 * Members that the shape does not name stay, unread. It takes `body` over and changes it in place.
 *
 * Attribute values are checked for the types of their JSON only; `parseItem` does the rest.
 *
 * Throws `SerializationException` for JSON of a type that the shape does not take, else one
 * `ValidationException` that lists everything out of bounds, both in DynamoDB's words.
 */
export function validateInput(operation: OperationName, body: unknown): Record<string, unknown> {
  const violations: string[] = [];
  const input = validatorOf(operation)(body, '', violations);
  if (violations.length > 0) throw validationError(validationErrors(violations));
  return input;
}

/** DynamoDB lists no more. */
const VIOLATIONS_MAX = 10;

/** Adds to `violations` what is out of bounds at `path`; answers the value as it is to be read. */
type Check = (value: unknown, path: string, violations: string[]) => unknown;
type StructureCheck = (
  value: unknown,
  path: string,
  violations: string[],
) => Record<string, unknown>;

const validators = new Map<OperationName, StructureCheck>();

/** Compiled at an operation's first request. */
function validatorOf(operation: OperationName): StructureCheck {
  const known = validators.get(operation);
  if (known !== undefined) return known;
  const name = OPERATION_INPUTS[operation];
  const shape = shapeOf(name);
  assert(shape.type === 'structure', 'an input is a structure');
  const compiled = structureCheck(name, shape, UNEXPECTED_STRUCTURE);
  validators.set(operation, compiled);
  return compiled;
}

function shapeOf(name: string): Shape {
  const shape = SHAPES[name];
  assert(shape !== undefined, `the service model has the shape ${name}`);
  return shape;
}

/** `scalarMessage` is what DynamoDB says to a scalar in the place of a structure. */
function checkOf(name: string, scalarMessage: string): Check {
  if (name === 'AttributeValue') return attributeValueCheck(scalarMessage);
  if (name === 'TableArn') return tableNameCheck;
  if (name === 'ControlTableName') return controlTableNameCheck;
  const shape = shapeOf(name);
  switch (shape.type) {
    case 'structure':
      return structureCheck(name, shape, scalarMessage);
    case 'list':
      return listCheck(shape);
    case 'map':
      return mapCheck(shape);
    case 'string':
      return stringCheck(shape);
    case 'integer':
    case 'long':
    case 'double':
      return numberCheck(shape);
    case 'boolean':
      return booleanFrom;
    case 'blob':
      return checkBlob;
    case 'timestamp':
      return checkTimestamp;
    default:
      return shape satisfies never;
  }
}

const attributeValueCheck =
  (scalarMessage: string): Check =>
  (value) => {
    if (typeof value !== 'object') throw serializationError(scalarMessage);
    checkAttributeValueTypes(value, 1);
    return value;
  };

/**
 * The order in which DynamoDB looks at members, seen in its answers to requests with several violations; the
 * others follow in the model's order.
 */
const MEMBERS_FIRST = [
  'ClientRequestToken',
  'ReturnConsumedCapacity',
  'TableName',
  'ReturnItemCollectionMetrics',
  'ReturnValues',
  'ConditionalOperator',
  'WriteCapacityUnits',
];

interface MemberCheck {
  readonly name: string;
  /** With a small first letter, as messages name it. */
  readonly label: string;
  readonly required: boolean;
  readonly check: Check;
}

/** What comes before even those, by the structure that it stands in. */
const MEMBERS_FIRST_IN: Readonly<Record<string, readonly string[]>> = {
  BatchGetItemInput: ['RequestItems'],
};

function memberChecks(
  structure: string,
  { members, required = [] }: StructureShape,
): readonly MemberCheck[] {
  const names = Object.keys(members);
  const before = MEMBERS_FIRST_IN[structure] ?? [];
  const first = [...before, ...MEMBERS_FIRST].filter((name) => names.includes(name));
  const rest = names.filter((name) => !first.includes(name));
  return [...first, ...rest].map((name) => ({
    name,
    label: name.charAt(0).toLowerCase() + name.slice(1),
    required: required.includes(name),
    check: checkOf(members[name] ?? '', UNEXPECTED_FIELD),
  }));
}

function structureCheck(
  name: string,
  shape: StructureShape,
  scalarMessage: string,
): StructureCheck {
  const checks = memberChecks(name, shape);
  const javaType = `class com.amazonaws.dynamodb.v20120810.${name}`;
  return (value, path, violations) => {
    const structure = objectFrom(value, { javaType, scalarMessage });
    const prefix = path === '' ? '' : `${path}.`;
    for (const member of checks) {
      const given = structure[member.name];
      if (given === undefined || given === null) {
        if (given === null) delete structure[member.name];
        if (member.required) {
          add(violations, undefined, { path: prefix + member.label, constraint: MEMBER_NULL });
        }
        continue;
      }
      const read = member.check(given, prefix + member.label, violations);
      if (read !== given) structure[member.name] = read;
    }
    return structure;
  };
}

function objectFrom(
  value: unknown,
  { javaType, scalarMessage }: { readonly javaType: string; readonly scalarMessage: string },
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw serializationError(scalarMessage);
  if (Array.isArray(value)) throw serializationError(unrecognizedCollection(javaType));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object that is no array
  return value as Record<string, unknown>;
}

/** `shown`: the value as messages show it; undefined for none. */
function add(
  violations: string[],
  shown: string | undefined,
  { path, constraint }: { readonly path: string; readonly constraint: string },
): void {
  if (violations.length >= VIOLATIONS_MAX) return;
  const quoted = shown === undefined ? 'null' : `'${shown}'`;
  violations.push(violation(quoted, path, constraint));
}

/** A bound and its wording. */
interface Constraint {
  readonly text: string;
  readonly holds: (value: unknown) => boolean;
}

function enforce(
  shape: Shape,
  constraints: readonly Constraint[] = constraintsOf(shape),
): (value: unknown, path: string, violations: string[]) => void {
  return (value, path, violations) => {
    for (const { holds, text } of constraints)
      if (!holds(value)) add(violations, showAs(shape, value), { path, constraint: text });
  };
}

/** `scalarMessage` is what DynamoDB's parser says to a scalar in the list's place. */
function listCheck(shape: ListShape, scalarMessage: string = UNEXPECTED_FIELD): Check {
  const element = elementCheck(shape.member);
  const enforceBounds = enforce(shape);
  return (value, path, violations) => {
    if (!Array.isArray(value)) {
      throw serializationError(typeof value === 'object' ? UNEXPECTED_STRUCTURE : scalarMessage);
    }
    const list: unknown[] = value;
    enforceBounds(list, path, violations);
    for (let i = 0; i < list.length; i++) {
      list[i] = element(list[i], `${path}.${i + 1}.member`, violations);
    }
    return list;
  };
}

function elementCheck(name: string): Check {
  const shape = shapeOf(name);
  return shape.type === 'map'
    ? mapCheck(shape, GENERIC_NOT_CLASS)
    : checkOf(name, UNEXPECTED_VALUE);
}

function mapCheck(shape: MapShape, scalarMessage: string = UNEXPECTED_FIELD): Check {
  const javaType = `java.util.Map<java.lang.String, ${javaTypeOf(shape.value)}>`;
  if (shape.value === 'AttributeValue') {
    return (value) => {
      if (typeof value !== 'object') throw serializationError(scalarMessage);
      checkAttributeMapTypes(value, 0);
      return value;
    };
  }
  const element = mapValueCheck(shape.value);
  const shown = (map: unknown): string =>
    shape.value === 'KeysAndAttributes' ? showAsJson(map) : showAs(shape, map);
  const enforceBounds = enforce(shape);
  const keyBounds =
    shape.key === 'TableArn' ? TABLE_KEY_CONSTRAINTS : constraintsOf(shapeOf(shape.key));
  const enforceKeys = enforceOnEach(keyBounds, mapKeys);
  const enforceValues = enforceOnEach(valueConstraints(shape.value), mapValues);
  return (value, path, violations) => {
    const map = objectFrom(value, { javaType, scalarMessage });
    enforceBounds(map, path, violations);
    enforceKeys(Object.keys(map), { shown: () => shown(map), path, violations });
    enforceValues(Object.values(map), { shown: () => shown(map), path, violations });
    for (const key in map) {
      const given = map[key];
      const read = element(given, `${path}.${key}.member`, violations);
      // The key is the object's own, so that even `__proto__` stays a plain member.
      if (read !== given) map[key] = read;
    }
    return map;
  };
}

/** Bounds of a map's values are the map's violations, so the check of one value has none of its own. */
function mapValueCheck(name: string): Check {
  const shape = shapeOf(name);
  if (shape.type === 'list') {
    return listCheck({ type: 'list', member: shape.member }, GENERIC_NOT_CLASS);
  }
  if (shape.type === 'string') return stringCheck({ type: 'string' });
  return checkOf(name, UNEXPECTED_VALUE);
}

function valueConstraints(name: string): readonly Constraint[] {
  const shape = shapeOf(name);
  return shape.type === 'list' || shape.type === 'string' ? constraintsOf(shape) : [];
}

interface MapPlace {
  readonly shown: () => string;
  readonly path: string;
  readonly violations: string[];
}

/** One violation of the whole map, naming all the constraints, for each part that breaks one of them. */
function enforceOnEach(
  constraints: readonly Constraint[],
  wording: (texts: readonly string[]) => string,
): (parts: readonly unknown[], place: MapPlace) => void {
  if (constraints.length === 0) return () => undefined;
  const text = wording(constraints.map((constraint) => constraint.text));
  return (parts, { shown, path, violations }) => {
    for (const part of parts) {
      if (!constraints.every(({ holds }) => holds(part)))
        add(violations, shown(), { path, constraint: text });
    }
  };
}

function javaTypeOf(name: string): string {
  const shape = shapeOf(name);
  if (shape.type === 'string') return 'java.lang.String';
  if (shape.type === 'list') return `java.util.List<${javaTypeOf(shape.member)}>`;
  return `com.amazonaws.dynamodb.v20120810.${name}`;
}

function stringCheck(shape: StringShape): Check {
  const constraints = constraintsOf(shape);
  const enforceAll = enforce(shape, constraints);
  if (constraints.length === 0) return stringFrom;
  return (value, path, violations) => {
    enforceAll(stringFrom(value), path, violations);
    return value;
  };
}

function stringFrom(value: unknown): string {
  if (typeof value === 'string') return value;
  throw wrongType(value, 'String');
}

const NUMBER_TYPES = { integer: 'Integer', long: 'Long', double: 'Double' } as const;

function numberCheck(shape: NumberShape): Check {
  const javaType = NUMBER_TYPES[shape.type];
  const { min, max } = shape;
  const constraints: Constraint[] = [];
  if (min !== undefined)
    constraints.push({ text: memberValueMin(min), holds: (value) => Number(value) >= min });
  if (max !== undefined)
    constraints.push({ text: memberValueMax(max), holds: (value) => Number(value) <= max });
  const enforceAll = enforce(shape, constraints);
  return (value, path, violations) => {
    if (typeof value !== 'number') throw wrongType(value, javaType);
    const read = shape.type === 'double' ? value : Math.trunc(value);
    enforceAll(read, path, violations);
    return read;
  };
}

function checkBlob(value: unknown): unknown {
  if (typeof value !== 'string') throw wrongBinary(value);
  checkBase64(value);
  return value;
}

function checkTimestamp(value: unknown): unknown {
  if (typeof value !== 'number') throw wrongType(value, 'Date');
  return value;
}

/** The bounds of a shape, as a map's messages list them: longest, shortest, pattern, enum. */
function constraintsOf(shape: Shape): readonly Constraint[] {
  if (shape.type === 'list' || shape.type === 'map') return lengthConstraints(shape);
  if (shape.type !== 'string') return [];
  const { pattern, patternFirst, values } = shape;
  const lengths = lengthConstraints(shape);
  const patterns = pattern === undefined ? [] : [patternConstraint(pattern, shape.max)];
  const constraints = patternFirst === true ? [...patterns, ...lengths] : [...lengths, ...patterns];
  if (values !== undefined) {
    const allowed: ReadonlySet<unknown> = new Set(values);
    constraints.push({ text: memberEnum(values), holds: (value) => allowed.has(value) });
  }
  return constraints;
}

/** A text that is too long already is not matched: some patterns would take time squared in its length. */
function patternConstraint(pattern: string, max = Infinity): Constraint {
  const whole = new RegExp(`^(?:${pattern.replaceAll(JAVA_PRINT, '[\\x20-\\x7E]')})$`, 'u');
  return {
    text: memberPattern(pattern),
    holds: (value) => typeof value === 'string' && (value.length > max || whole.test(value)),
  };
}

/** The model's patterns are Java's; this is the one class that JavaScript does not know. */
const JAVA_PRINT = '\\p{Print}';

function lengthConstraints({
  min,
  max,
}: {
  readonly min?: number;
  readonly max?: number;
}): readonly Constraint[] {
  const constraints: Constraint[] = [];
  if (max !== undefined)
    constraints.push({ text: memberLengthMax(max), holds: (value) => lengthOf(value) <= max });
  if (min !== undefined)
    constraints.push({ text: memberLengthMin(min), holds: (value) => lengthOf(value) >= min });
  return constraints;
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return Object.keys(Object(value)).length;
}

const TABLE_NAME_PATTERN = '[a-zA-Z0-9_.-]+';
const TABLE_NAME: StringShape = {
  type: 'string',
  min: TABLE_NAME_LENGTH_MIN,
  max: TABLE_NAME_LENGTH_MAX,
  pattern: TABLE_NAME_PATTERN,
};
const enforceTableName = enforce(TABLE_NAME);
const enforceTableArn = enforce(shapeOf('TableArn'));

/** A table is named by its name or its ARN; the service model bounds only the ARN. An empty text is neither. */
function tableNameCheck(value: unknown, path: string, violations: string[]): unknown {
  const name = stringFrom(value);
  if (name === '' || isArn(name)) enforceTableArn(name, path, violations);
  else enforceTableName(name, path, violations);
  return name;
}

/** Operations on tables bound a name by its shape at both ends. Source: measured, DDB-TABLE-457 of api-quirks. */
function controlTableNameCheck(value: unknown, path: string, violations: string[]): unknown {
  const name = stringFrom(value);
  if (isArn(name)) enforceTableArn(name, path, violations);
  else enforceTableName(name, path, violations);
  return name;
}

const TABLE_KEY_CONSTRAINTS: readonly Constraint[] = constraintsOf(TABLE_NAME).map(
  ({ text, holds }) => ({
    text,
    holds: (key) => holds(key) || (typeof key === 'string' && isArn(key)),
  }),
);
