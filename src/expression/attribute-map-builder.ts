import type { AttributeMap, AttributeValue } from '../model/attribute-value.ts';

/** A map that is being made, and that nobody else holds yet. */
export type MutableAttributeMap = Record<string, AttributeValue>;

export const copyAttributes = (map: AttributeMap): MutableAttributeMap => ({ ...map });

/** Puts an attribute; `__proto__` becomes a plain member, too. */
export function putAttribute(map: MutableAttributeMap, name: string, value: AttributeValue): void {
  if (name === '__proto__') {
    Object.defineProperty(map, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  } else {
    map[name] = value;
  }
}

export function removeAttribute(map: MutableAttributeMap, name: string): void {
  delete map[name];
}
