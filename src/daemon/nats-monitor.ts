const answerMsMax = 3000;

/** One page of a nats-server's monitoring, such as `/varz`. Rejects with an error in words. */
export async function readNatsMonitor(address: string, path: string): Promise<unknown> {
  const url = new URL(path, address);
  const response = await fetch(url, { signal: AbortSignal.timeout(answerMsMax) }).catch(
    (error: unknown) => {
      // What `fetch` says of itself is `fetch failed`.
      const { cause } = error instanceof Error ? error : {};
      throw cause instanceof Error ? cause : error;
    },
  );
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  return response.json();
}
