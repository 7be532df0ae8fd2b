import type { AttributeMap, AttributeValue } from '../model/attribute-value.ts';
import { parseImage } from '../partition/item-image.ts';

/**
 * Whether two images are of the same item, whatever the order of attributes and of sets' members. DynamoDB tells streams of
 * no write that leaves an item as it was.
 */
export function isSameItem(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  return Buffer.compare(a, b) === 0 || isSameMap(parseImage(a), parseImage(b));
}

function isSameMap(a: AttributeMap, b: AttributeMap): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [one, other] = [a[name], Object.hasOwn(b, name) ? b[name] : undefined];
      return one !== undefined && other !== undefined && isSameValue(one, other);
    })
  );
}

function isSameValue(a: AttributeValue, b: AttributeValue): boolean {
  if ('M' in a) return 'M' in b && isSameMap(a.M, b.M);
  if ('L' in a)
    return (
      'L' in b &&
      a.L.length === b.L.length &&
      a.L.every((element, at) => {
        const other = b.L[at];
        return other !== undefined && isSameValue(element, other);
      })
    );
  const [members, others] = [membersOf(a), membersOf(b)];
  if (members === undefined || others === undefined) return JSON.stringify(a) === JSON.stringify(b);
  if (members.type !== others.type || members.of.length !== others.of.length) return false;
  const there = new Set(others.of);
  return members.of.every((member) => there.has(member));
}

function membersOf(
  value: AttributeValue,
): { readonly type: string; readonly of: readonly string[] } | undefined {
  if ('SS' in value) return { type: 'SS', of: value.SS };
  if ('NS' in value) return { type: 'NS', of: value.NS };
  return 'BS' in value ? { type: 'BS', of: value.BS } : undefined;
}
