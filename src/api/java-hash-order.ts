/**
 * The order in which DynamoDB lists names that it holds in a hash set of Java: by bucket, then as they came. Some of its
 * messages do. `buckets` is a power of two.
 */
export function javaHashOrder(names: readonly string[], buckets: number): readonly string[] {
  const bucketOf = (name: string): number => {
    const hash = javaHash(name);
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  return names.toSorted((a, b) => bucketOf(a) - bucketOf(b));
}

/** The number of buckets of a hash set that was made for so many names, not more than three quarters full. */
export function bucketsFor(count: number): number {
  const capacity = count < 3 ? count + 1 : Math.floor(count / 0.75 + 1);
  return 2 ** Math.ceil(Math.log2(Math.max(capacity, 1)));
}

/** Buckets of a hash set that nobody has sized. */
export const BUCKETS_DEFAULT = 16;

/** `String.hashCode`. */
function javaHash(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at += 1)
    hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return hash;
}
