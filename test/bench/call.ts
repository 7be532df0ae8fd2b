import { BENCH_REGION, rawHeaders } from './raw-request.ts';

/** Calls an operation and resolves to the answer's text. Rejects with that when it is refused. */
export async function call(port: number, operation: string, input: object): Promise<string> {
  return callIn(BENCH_REGION, port, operation, input);
}

/** As `call`, where the region is another one than that of the benchmark. */
export async function callIn(
  region: string,
  ...[port, operation, input]: Parameters<typeof call>
): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: rawHeaders(operation, region),
    body: JSON.stringify(input),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${operation}: ${response.status} ${text}`);
  return text;
}
