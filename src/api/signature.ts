import { createHash, createHmac } from 'node:crypto';

import { ClientError } from '../model/errors.ts';
import type { HttpRequest } from './http-server.ts';

/** Requests signed at another time than this around now are refused when signatures are verified. */
const SIGNATURE_SKEW_MS = 5 * 60 * 1000;

/** Verdicts on credential strings that are remembered; then it starts afresh. */
const REMEMBERED_CREDENTIALS_MAX = 1_000;

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'dynamodb';
const TERMINATOR = 'aws4_request';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface SignatureOptions {
  /** This region's name. */
  readonly region: string;
  /** Empty: anyone who signs is let in, and nothing but the form is looked at. */
  readonly credentials: readonly Credentials[];
  /** Whether the credential's scope must name this region. */
  readonly checkRegionScope: boolean;
}

interface Authorization {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
}

/** The date that a request says it was signed at, and the wall time now. */
interface SigningTime {
  readonly date: string;
  readonly nowMs: number;
}

interface Scope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^,\s=]+), *SignedHeaders=([^,\s=]+), *Signature=([^,\s=]+)$/;

/**
 * Decides whether a request may come in, by Signature Version 4 in the `Authorization` header. Source of the
 * procedure: the AWS documentation "Create a signed AWS API request"; of the order of the checks and of the
 * texts: answers of DynamoDB.
 */
export class SignatureCheck {
  readonly #options: SignatureOptions;
  readonly #secrets: ReadonlyMap<string, string>;
  readonly #signingKeys = new Map<string, Uint8Array>();
  readonly #accepted = new Set<string>();

  constructor(options: SignatureOptions) {
    this.#options = options;
    this.#secrets = new Map(
      options.credentials.map(({ accessKeyId, secretAccessKey }) => [accessKeyId, secretAccessKey]),
    );
  }

  /** Throws `ClientError` in DynamoDB's words unless the request may come in. `nowMs`: wall time. */
  verify(request: HttpRequest, nowMs: number): void {
    const header = request.headers.authorization;
    if (request.url.includes('X-Amz-Algorithm')) refuseQuery(request.url, header);
    if (header === undefined || !header.startsWith('AWS4-')) throw missingToken();
    const date = request.headers['x-amz-date'] ?? request.headers.date;
    const authorization = parseAuthorization(header, date !== undefined);
    const time = { date: String(date), nowMs };
    if (this.#secrets.size === 0) this.#verifyScopeOnly(authorization.credential, time);
    else this.#verifySignature(request, authorization, time);
  }

  /** Of a request for another region an old date is complained about first, as when signatures are verified. */
  #verifyScopeOnly(credential: string, time: SigningTime): void {
    if (this.#accepted.has(credential)) return;
    const scope = parseScope(credential);
    if (this.#options.checkRegionScope) {
      const faults = this.#scopeFaults(scope, undefined);
      if (faults.length > 0) {
        verifyDate(basicDate(time.date), time.nowMs);
        throw invalidSignature(faults.join(''));
      }
    }
    if (this.#accepted.size >= REMEMBERED_CREDENTIALS_MAX) this.#accepted.clear();
    this.#accepted.add(credential);
  }

  #scopeFaults(scope: Scope, date: string | undefined): readonly string[] {
    const { region, checkRegionScope } = this.#options;
    const faults: string[] = [];
    if (checkRegionScope && scope.region !== region) {
      faults.push(
        `Credential should be scoped to a valid region, not '${scope.region}'. ` +
          `The region of this endpoint is '${region}'. `,
      );
    }
    if (scope.service !== SERVICE) {
      faults.push(`Credential should be scoped to correct service: '${SERVICE}'. `);
    }
    if (scope.terminator !== TERMINATOR) {
      faults.push(
        `Credential should be scoped with a valid terminator: '${TERMINATOR}', not '${scope.terminator}'. `,
      );
    }
    if (date !== undefined && scope.date !== date.slice(0, 8)) {
      faults.push(
        'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
          `'${scope.date}' != '${date.slice(0, 8)}', from '${date}'. `,
      );
    }
    return faults;
  }

  #verifySignature(request: HttpRequest, authorization: Authorization, time: SigningTime): void {
    const date = basicDate(time.date);
    verifyDate(date, time.nowMs);
    const signedHeaders = authorization.signedHeaders.toLowerCase().split(';');
    if (!signedHeaders.includes('host')) {
      throw invalidSignature("'Host' must be a 'SignedHeader' in the AWS Authorization.");
    }
    const scope = parseScope(authorization.credential);
    const faults = this.#scopeFaults(scope, date);
    if (faults.length > 0) throw invalidSignature(faults.join(''));
    const secret = this.#secrets.get(scope.accessKeyId);
    if (secret === undefined) {
      throw new ClientError(
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
      );
    }
    const canonical = canonicalRequest(request, signedHeaders);
    const toSign = [
      ALGORITHM,
      date,
      `${scope.date}/${scope.region}/${scope.service}/${scope.terminator}`,
      sha256(canonical),
    ].join('\n');
    const expected = createHmac('sha256', this.#signingKey(scope, secret))
      .update(toSign)
      .digest('hex');
    if (!equalInConstantTime(expected, authorization.signature)) {
      throw invalidSignature(
        'The request signature we calculated does not match the signature you provided. ' +
          'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.' +
          `\n\nThe Canonical String for this request should have been\n'${canonical}'` +
          `\n\nThe String-to-Sign should have been\n'${toSign}'\n`,
      );
    }
  }

  #signingKey(scope: Scope, secret: string): Uint8Array {
    const name = `${scope.accessKeyId}/${scope.date}/${scope.region}`;
    const known = this.#signingKeys.get(name);
    if (known !== undefined) return known;
    const key = [scope.date, scope.region, SERVICE, TERMINATOR].reduce<Uint8Array>(
      (previous, part) => createHmac('sha256', previous).update(part).digest(),
      Buffer.from(`AWS4${secret}`),
    );
    if (this.#signingKeys.size >= REMEMBERED_CREDENTIALS_MAX) this.#signingKeys.clear();
    this.#signingKeys.set(name, key);
    return key;
  }
}

function parseAuthorization(header: string, dated: boolean): Authorization {
  const match = AUTHORIZATION.exec(header);
  if (match !== null && dated) {
    const [, credential = '', signedHeaders = '', signature = ''] = match;
    return { credential, signedHeaders, signature };
  }
  return parseLooseAuthorization(header, dated);
}

/** Parts in any order, and what is missing named. */
function parseLooseAuthorization(header: string, dated: boolean): Authorization {
  const parts = new Map<string, string>();
  for (const part of header.split(/[,\s]+/).slice(1)) {
    const equals = part.indexOf('=');
    if (equals > 0) parts.set(part.slice(0, equals), part.slice(equals + 1));
  }
  let faults = '';
  for (const name of ['Credential', 'Signature', 'SignedHeaders']) {
    if ((parts.get(name) ?? '') === '') {
      faults += `Authorization header requires '${name}' parameter. `;
    }
  }
  if (!dated) {
    faults +=
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (faults !== '') throw incompleteSignature(`${faults}Authorization=${header}`);
  const algorithm = header.split(/\s/, 1)[0] ?? '';
  if (algorithm !== ALGORITHM) {
    throw incompleteSignature(
      `Unsupported AWS 'algorithm': '${algorithm}' (only ${ALGORITHM} for now). `,
    );
  }
  return {
    credential: parts.get('Credential') ?? '',
    signedHeaders: parts.get('SignedHeaders') ?? '',
    signature: parts.get('Signature') ?? '',
  };
}

function parseScope(credential: string): Scope {
  const parts = credential.replace(/\/+$/, '').split('/');
  const [accessKeyId, date, region, service, terminator] = parts;
  if (
    parts.length !== 5 ||
    accessKeyId === undefined ||
    date === undefined ||
    region === undefined ||
    service === undefined ||
    terminator === undefined
  ) {
    throw incompleteSignature(
      'Credential must have exactly 5 slash-delimited elements, ' +
        `e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  return { accessKeyId, date, region, service, terminator };
}

/** `20130609T100015Z`, from that form or from an HTTP date. */
function basicDate(text: string): string {
  if (/^\d{8}T\d{6}Z$/.test(text)) return text;
  const ms = Date.parse(text);
  if (/^[A-Z][a-z]{2}, /.test(text) && !Number.isNaN(ms)) return formatBasicDate(ms);
  throw incompleteSignature(
    `Date must be in ISO-8601 'basic format'. Got '${text}'. See http://en.wikipedia.org/wiki/ISO_8601`,
  );
}

const formatBasicDate = (ms: number): string =>
  new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');

const parseBasicDate = (date: string): number =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

function verifyDate(date: string, nowMs: number): void {
  const signedMs = parseBasicDate(date);
  if (Number.isNaN(signedMs)) {
    throw incompleteSignature(
      `Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  const now = formatBasicDate(nowMs);
  const minutes = SIGNATURE_SKEW_MS / 60_000;
  if (signedMs < nowMs - SIGNATURE_SKEW_MS) {
    const oldest = formatBasicDate(nowMs - SIGNATURE_SKEW_MS);
    throw invalidSignature(
      `Signature expired: ${date} is now earlier than ${oldest} (${now} - ${minutes} min.)`,
    );
  }
  if (signedMs > nowMs + SIGNATURE_SKEW_MS) {
    const newest = formatBasicDate(nowMs + SIGNATURE_SKEW_MS);
    throw invalidSignature(
      `Signature not yet current: ${date} is still later than ${newest} (${now} + ${minutes} min.)`,
    );
  }
}

function canonicalRequest(request: HttpRequest, signedHeaders: readonly string[]): string {
  const [path = '/', query = ''] = request.url.split('?', 2);
  const headers = signedHeaders.map((name) => {
    const value = request.headers[name];
    const text = Array.isArray(value) ? value.join(',') : (value ?? '');
    return `${name}:${text.trim().replace(/\s+/g, ' ')}\n`;
  });
  return [
    request.method,
    path,
    canonicalQuery(query),
    headers.join(''),
    signedHeaders.join(';'),
    sha256(request.body ?? ''),
  ].join('\n');
}

const canonicalQuery = (query: string): string =>
  query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => (part.includes('=') ? part : `${part}=`))
    .toSorted()
    .join('&');

const sha256 = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex');

function equalInConstantTime(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index += 1) {
    difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  }
  return difference === 0;
}

const QUERY_PARAMETERS = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Signature',
  'X-Amz-SignedHeaders',
  'X-Amz-Date',
];

/** Signing in the query string is for links in browsers, which no DynamoDB client makes: it is refused. */
function refuseQuery(url: string, header: string | undefined): void {
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  if (!query.has('X-Amz-Algorithm')) return;
  if (header !== undefined) {
    throw invalidSignature(
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    );
  }
  const missing = QUERY_PARAMETERS.filter((name) => (query.get(name) ?? '') === '');
  if (missing.length === 0) throw missingToken();
  const faults = missing.map((name) => `AWS query-string parameters must include '${name}'. `);
  throw incompleteSignature(`${faults.join('')}Re-examine the query-string parameters.`);
}

const missingToken = (): ClientError =>
  new ClientError('MissingAuthenticationTokenException', 'Request is missing Authentication Token');

const invalidSignature = (message: string): ClientError =>
  new ClientError('InvalidSignatureException', message);

const incompleteSignature = (message: string): ClientError =>
  new ClientError('IncompleteSignatureException', message);
