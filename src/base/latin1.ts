/** Bytes as a text of one character each, to be a key of a `Map` or `Set`. */
export const latin1Of = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
