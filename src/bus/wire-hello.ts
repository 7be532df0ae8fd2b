import { WIRE_VERSION } from './subjects.ts';

/** What a daemon says of itself to any other one, whatever version that speaks. */
export interface WireHello {
  readonly release: string;
  readonly wireVersions: readonly number[];
}

export const helloOf = (release: string): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ release, wireVersions: [WIRE_VERSION] }));

/** Undefined for what is no hello. */
export function readHello(payload: Uint8Array): WireHello | undefined {
  try {
    const said: unknown = JSON.parse(new TextDecoder().decode(payload));
    return isHello(said) ? said : undefined;
  } catch {
    return undefined;
  }
}

/** Why no message can be exchanged with a peer that says so; undefined when it can. */
export function mismatchOf(
  peer: string,
  hello: WireHello | undefined,
  release: string,
): string | undefined {
  if (hello === undefined) return `${peer} answers in no way that release ${release} knows`;
  if (hello.wireVersions.includes(WIRE_VERSION)) return undefined;
  const theirs = hello.wireVersions.join(', ');
  return `${peer} runs release ${hello.release}, which speaks version ${theirs} of the wire, and this daemon runs release ${release}, which speaks version ${WIRE_VERSION}: run releases that speak a common one in both`;
}

const isHello = (said: unknown): said is WireHello =>
  typeof said === 'object' &&
  said !== null &&
  'release' in said &&
  typeof said.release === 'string' &&
  'wireVersions' in said &&
  Array.isArray(said.wireVersions) &&
  said.wireVersions.every((version) => Number.isSafeInteger(version));
