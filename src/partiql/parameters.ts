import { parseAttributeValue, type AttributeValue } from '../model/attribute-value.ts';
import { checkJavaValue } from '../model/java-value.ts';

/**
 * The parameters of a statement, in canonical form; `raw` is taken over. Throws `ValidationException`, or
 * `SerializationException` for other JSON than attribute values. Source: conformance (`partiqlParameterNumbers`).
 */
export function parseParameters(raw: readonly unknown[] | undefined): readonly AttributeValue[] {
  if (raw === undefined) return [];
  return raw.map((parameter) => {
    checkJavaValue(parameter, 1);
    return parseAttributeValue(parameter);
  });
}
