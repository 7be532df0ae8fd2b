import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Refusal {
  readonly status: 401 | 403 | 415;
  readonly message: string;
}

/**
 * Whether a request may change something; undefined when it may. From this machine anybody may, from another
 * who presents the token.
 *
 * Hazard: a web page that a user has open is on this machine too. It cannot send `application/json` to
 * another origin without being asked for first, which nothing here answers; and a page whose own name was
 * made to point here shows by its `host`, or by its `origin`, that it is not local.
 */
export function refusalOf(
  request: IncomingMessage,
  token: string | undefined,
): Refusal | undefined {
  if (mediaType(request.headers['content-type']) !== 'application/json') {
    return { status: 415, message: 'a change needs the header content-type: application/json' };
  }
  const presented = bearerOf(request.headers.authorization);
  if (token !== undefined && presented !== undefined) {
    return isSame(presented, token) ? undefined : { status: 401, message: 'the token is wrong' };
  }
  if (!isLoopback(request.socket.remoteAddress)) {
    return token === undefined
      ? {
          status: 403,
          message: 'changes are taken from this machine only: operations.token is not set',
        }
      : {
          status: 401,
          message: 'a change needs the header authorization: Bearer <operations.token>',
        };
  }
  if (!isFromThisMachine(request)) {
    return { status: 403, message: 'changes are not taken from web pages of other hosts' };
  }
  return undefined;
}

/** Whether a request comes from this machine, and not through a web page's name for it. */
export const isFromThisMachine = (request: IncomingMessage): boolean =>
  isLoopback(request.socket.remoteAddress) &&
  isLocalName(request.headers.host) &&
  isLocalOrigin(request.headers.origin);

const mediaType = (header: string | undefined): string | undefined =>
  header?.split(';')[0]?.trim().toLowerCase();

const bearerOf = (header: string | undefined): string | undefined =>
  header !== undefined && /^bearer /iu.test(header) ? header.slice('bearer '.length) : undefined;

/** In a time that does not tell how much of it is right. */
const isSame = (presented: string, token: string): boolean =>
  timingSafeEqual(digest(presented), digest(token));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/u.test(address);

const LOCAL_NAME = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/iu;

const isLocalName = (host: string | undefined): boolean =>
  host !== undefined && LOCAL_NAME.test(host);

const isLocalOrigin = (origin: string | undefined): boolean =>
  origin === undefined || LOCAL_NAME.test(origin.replace(/^https?:\/\//iu, ''));
