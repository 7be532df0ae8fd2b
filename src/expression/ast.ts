import type { AttributeType, AttributeValue } from '../model/attribute-value.ts';

/*
 * Expressions as plain data: placeholders are replaced by the names and values that they stand for, every
 * check that needs no item has been made, and nothing but JSON is in them, so that they can be forwarded.
 */

/** A document path: an attribute's name first, then names of map members and indexes of list elements. */
export type Path = readonly [string, ...(string | number)[]];

export type Operand =
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'value'; readonly value: AttributeValue }
  | { readonly kind: 'size'; readonly operand: Operand }
  /** Whether a condition holds, as a BOOL. Only PartiQL says that. */
  | { readonly kind: 'condition'; readonly condition: ConditionExpression };

export type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** A condition on one item: a ConditionExpression or a FilterExpression. */
export type ConditionExpression =
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly ConditionExpression[] }
  | { readonly kind: 'not'; readonly condition: ConditionExpression }
  | {
      readonly kind: 'compare';
      readonly comparator: Comparator;
      readonly left: Operand;
      readonly right: Operand;
    }
  | {
      readonly kind: 'between';
      readonly operand: Operand;
      readonly lower: Operand;
      readonly upper: Operand;
    }
  | { readonly kind: 'in'; readonly operand: Operand; readonly candidates: readonly Operand[] }
  | { readonly kind: 'attribute_exists' | 'attribute_not_exists'; readonly path: Path }
  | { readonly kind: 'attribute_type'; readonly operand: Operand; readonly type: AttributeType }
  | { readonly kind: 'begins_with'; readonly operand: Operand; readonly prefix: Operand }
  | { readonly kind: 'contains'; readonly container: Operand; readonly operand: Operand };

/** The right side of a SET. Paths in it are read from the item as it was before the update. */
export type UpdateOperand =
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'value'; readonly value: AttributeValue }
  | { readonly kind: 'if_not_exists'; readonly path: Path; readonly otherwise: UpdateOperand }
  | {
      readonly kind: 'list_append' | 'add' | 'subtract';
      readonly left: UpdateOperand;
      readonly right: UpdateOperand;
    };

export type UpdateAction =
  | { readonly kind: 'set'; readonly path: Path; readonly operand: UpdateOperand }
  | { readonly kind: 'remove'; readonly path: Path }
  | {
      readonly kind: 'add' | 'delete';
      readonly path: Path;
      readonly value: AttributeValue;
      /** It came as AttributeUpdates, which DynamoDB words in another way, and whose ADD takes lists. */
      readonly legacy?: true;
    };

/**
 * What an UpdateItem does. No two paths overlap or conflict. Without actions it only creates the item, as
 * an UpdateItem without an UpdateExpression does.
 */
export interface UpdateExpression {
  readonly actions: readonly UpdateAction[];
}

/** What to keep of an item. No two paths overlap or conflict. */
export interface ProjectionExpression {
  readonly members: readonly ProjectedMember[];
}

export type ProjectionNode =
  | { readonly kind: 'whole' }
  | { readonly kind: 'map'; readonly members: readonly ProjectedMember[] }
  | { readonly kind: 'list'; readonly elements: readonly ProjectedElement[] };

export interface ProjectedMember {
  readonly name: string;
  readonly node: ProjectionNode;
}

/** Elements are in ascending order of their index. */
export interface ProjectedElement {
  readonly index: number;
  readonly node: ProjectionNode;
}
