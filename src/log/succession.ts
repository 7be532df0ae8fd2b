/** Who is to open the next epoch, as a leader says that gives its own up. */
export interface Succession {
  /** Of the node. */
  readonly zone: string;
  /** An operator has asked for that node: it keeps what it leads by that, though another should lead it. */
  readonly isWish: boolean;
}

/** Behind the zone. An earlier program takes the whole for a node that it does not know, and waits for it in vain for 1.5 s. */
const WISH = ' by wish';

/** The payload of an entry `resign`, which is empty where anyone may go on. */
export const encodeSuccession = (succession: Succession | undefined): Uint8Array =>
  Buffer.from(succession === undefined ? '' : `${succession.zone}${succession.isWish ? WISH : ''}`);

/** Of what an earlier program wrote it is not known whether it was a wish, and taken for none. */
export function decodeSuccession(payload: Uint8Array): Succession | undefined {
  if (payload.length === 0) return undefined;
  const text = Buffer.from(payload).toString();
  const isWish = text.endsWith(WISH);
  return { zone: isWish ? text.slice(0, -WISH.length) : text, isWish };
}
