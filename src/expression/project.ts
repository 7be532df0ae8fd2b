import { attributeOf, type AttributeMap, type AttributeValue } from '../model/attribute-value.ts';
import type {
  ProjectedElement,
  ProjectedMember,
  ProjectionExpression,
  ProjectionNode,
} from './ast.ts';
import { type MutableAttributeMap, putAttribute } from './attribute-map-builder.ts';

/**
 * What a projection keeps of an item, in the item's own hierarchy: maps with the members asked for, lists
 * with the elements asked for moved together. Paths that lead nowhere leave no trace; it may be empty.
 */
export function project(projection: ProjectionExpression, item: AttributeMap): AttributeMap {
  return projectMembers(projection.members, item) ?? {};
}

function projectMembers(
  members: readonly ProjectedMember[],
  map: AttributeMap,
): AttributeMap | undefined {
  let kept: MutableAttributeMap | undefined;
  for (const { name, node } of members) {
    const value = projectNode(node, attributeOf(map, name));
    if (value === undefined) continue;
    kept ??= {};
    putAttribute(kept, name, value);
  }
  return kept;
}

function projectNode(
  node: ProjectionNode,
  value: AttributeValue | undefined,
): AttributeValue | undefined {
  if (value === undefined || node.kind === 'whole') return value;
  if (node.kind === 'map') {
    const kept = 'M' in value ? projectMembers(node.members, value.M) : undefined;
    return kept === undefined ? undefined : { M: kept };
  }
  const kept = 'L' in value ? projectElements(node.elements, value.L) : [];
  return kept.length === 0 ? undefined : { L: kept };
}

function projectElements(
  elements: readonly ProjectedElement[],
  list: readonly AttributeValue[],
): readonly AttributeValue[] {
  const kept: AttributeValue[] = [];
  for (const { index, node } of elements) {
    const value = projectNode(node, list[index]);
    if (value !== undefined) kept.push(value);
  }
  return kept;
}
