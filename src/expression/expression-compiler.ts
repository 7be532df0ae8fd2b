import type { AttributeMap } from '../model/attribute-value.ts';
import type { ConditionExpression, ProjectionExpression, UpdateExpression } from './ast.ts';
import { bindCondition, type ConditionTemplate, conditionTemplate } from './condition-template.ts';
import { type AttributeConditions, attributeConditions } from './key-condition.ts';
import { LruCache } from './lru-cache.ts';
import type { ExpressionField } from './messages.ts';
import type { Names } from './path-resolver.ts';
import {
  checkAllUsed,
  checkPlaceholdersAllowed,
  type PlaceholderFields,
  type Placeholders,
  parsePlaceholders,
} from './placeholders.ts';
import { type ProjectionTemplate, projectionTemplate } from './projection-template.ts';
import { bindUpdate, type UpdateTemplate, updateTemplate } from './update-template.ts';

/** The members of a request that have to do with expressions. */
export interface ExpressionFields
  extends PlaceholderFields, Readonly<Partial<Record<ExpressionField, string | undefined>>> {}

/** A request's expressions, without placeholders; undefined where the request has none. */
export interface Expressions {
  readonly condition: ConditionExpression | undefined;
  readonly filter: ConditionExpression | undefined;
  readonly keyConditions: AttributeConditions | undefined;
  readonly projection: ProjectionExpression | undefined;
  readonly update: UpdateExpression | undefined;
  /** The request's values, canonical. */
  readonly values: AttributeMap | undefined;
}

/** Templates that are kept, over all kinds of expressions. */
const TEMPLATES_MAX = 2000;
/** Longer ones, names included, are made anew each time, so that the cache is bounded in bytes, too. */
const CACHED_LENGTH_MAX = 8192;

type Template = ConditionTemplate | UpdateTemplate | ProjectionTemplate;

/**
 * Makes requests' expressions of their texts. An expression is parsed once; later requests that have the same
 * text and names, with whatever values, only put their values in.
 */
export class ExpressionCompiler {
  readonly #conditions: LruCache<ConditionTemplate>;
  readonly #updates: LruCache<UpdateTemplate>;
  readonly #projections: LruCache<ProjectionTemplate>;

  constructor(templatesMax: number = TEMPLATES_MAX) {
    const each = Math.max(1, Math.floor(templatesMax / 3));
    this.#conditions = new LruCache(each);
    this.#updates = new LruCache(each);
    this.#projections = new LruCache(each);
  }

  /**
   * All expressions of one request. `fields` are those that its operation has; members for others must be
   * absent. The request's values are taken over, and made canonical.
   *
   * Throws `ValidationException` in DynamoDB's words and, where it was measured, in its order.
   */
  compile(request: ExpressionFields, fields: readonly ExpressionField[]): Expressions {
    checkPlaceholdersAllowed(request, fields, (field) => request[field] !== undefined);
    const placeholders = parsePlaceholders(request);
    const used: Template[] = [];
    const update = this.#update(request.UpdateExpression, placeholders, used);
    const condition = this.#condition('ConditionExpression', request, placeholders, used);
    const keyConditionText = this.#condition('KeyConditionExpression', request, placeholders, used);
    const filter = this.#condition('FilterExpression', request, placeholders, used);
    const projection = this.#projection(request.ProjectionExpression, placeholders, used);
    checkAllUsed(placeholders, used);
    const keyConditions =
      keyConditionText === undefined ? undefined : attributeConditions(keyConditionText);
    return { condition, filter, keyConditions, projection, update, values: placeholders.values };
  }

  #condition(
    field: ExpressionField,
    request: ExpressionFields,
    { names, values }: Placeholders,
    used: Template[],
  ): ConditionExpression | undefined {
    const source = request[field];
    if (source === undefined) return undefined;
    const template = cached(this.#conditions, cacheKey(field, source, names), () =>
      conditionTemplate(field, source, names),
    );
    used.push(template);
    return bindCondition(template, values);
  }

  #update(
    source: string | undefined,
    { names, values }: Placeholders,
    used: Template[],
  ): UpdateExpression | undefined {
    if (source === undefined) return undefined;
    const template = cached(this.#updates, cacheKey('UpdateExpression', source, names), () =>
      updateTemplate(source, names),
    );
    used.push(template);
    return bindUpdate(template, values);
  }

  #projection(
    source: string | undefined,
    { names }: Placeholders,
    used: Template[],
  ): ProjectionExpression | undefined {
    if (source === undefined) return undefined;
    const key = cacheKey('ProjectionExpression', source, names);
    const template = cached(this.#projections, key, () => projectionTemplate(source, names));
    used.push(template);
    return template.projection;
  }
}

/** Unambiguous: the lengths of the texts say where they end. */
function cacheKey(field: ExpressionField, source: string, names: Names | undefined): string {
  let key = `${field} ${source.length} ${source}`;
  for (const placeholder in names) {
    const name = names[placeholder] ?? '';
    key += `${placeholder} ${name.length} ${name}`;
  }
  return key;
}

function cached<Value>(cache: LruCache<Value>, key: string, make: () => Value): Value {
  if (key.length > CACHED_LENGTH_MAX) return make();
  const there = cache.get(key);
  if (there !== undefined) return there;
  const made = make();
  cache.set(key, made);
  return made;
}
