/** The first model that a server lists. @throws {Error} for people */
export async function firstModel(endpoint: string): Promise<string> {
  const url = `${endpoint}/v1/models`;
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch((error: Error) => {
    throw new Error(`--endpoint: cannot read ${url}: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  });
  const text = await response.text();
  try {
    const [model] = (JSON.parse(text) as { data: { id: string }[] }).data;
    if (response.ok && model) return model.id;
  } catch {
    // Said below.
  }
  throw new Error(`--endpoint: ${url} lists no model; it answered ${response.status}: ${text.slice(0, 200)}`);
}
