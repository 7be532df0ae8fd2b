import type { Json, JsonObject } from '../daemon/operations-target.ts';

/** The objects in a list that an object holds; what is not as expected is left out. */
export function listAt(json: JsonObject, name: string): readonly JsonObject[] {
  const value = json[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
