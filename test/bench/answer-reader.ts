const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_AT = 'HTTP/1.1 '.length;
const ASCII_0 = 48;

/**
 * Finds the ends of HTTP answers in the bytes of one connection on which one request at a time is under way. Knows
 * `Content-Length` only, and copies nothing as long as the head of an answer comes in one piece.
 */
export class AnswerReader {
  #head: Buffer | undefined;
  #status = 0;
  #bodyBytesLeft = 0;
  #inBody = false;

  /** The status of the answer that `chunk` ends, else undefined. Throws for what is not such an answer. */
  push(chunk: Buffer): number | undefined {
    let rest = chunk;
    if (!this.#inBody) {
      if (this.#head !== undefined) rest = Buffer.concat([this.#head, chunk]);
      const headEnd = rest.indexOf(HEAD_END);
      if (headEnd < 0) {
        this.#head = Buffer.from(rest);
        return undefined;
      }
      this.#head = undefined;
      this.#status = statusOf(rest);
      this.#bodyBytesLeft = contentLengthOf(rest.toString('latin1', 0, headEnd));
      this.#inBody = true;
      rest = rest.subarray(headEnd + HEAD_END.length);
    }
    this.#bodyBytesLeft -= rest.length;
    if (this.#bodyBytesLeft > 0) return undefined;
    if (this.#bodyBytesLeft < 0) throw new Error('an answer is longer than its Content-Length');
    this.#inBody = false;
    return this.#status;
  }
}

function statusOf(head: Buffer): number {
  const digit = (at: number): number => (head[STATUS_AT + at] ?? 0) - ASCII_0;
  return digit(0) * 100 + digit(1) * 10 + digit(2);
}

function contentLengthOf(head: string): number {
  const match = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (match === null) throw new Error(`an answer without Content-Length: ${head}`);
  return Number(match[1]);
}
