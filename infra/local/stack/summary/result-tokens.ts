/** Prompt and completion tokens of a result, in either of its two shapes; 0 where it tells none. */
export function resultTokens(data: string): number {
  try {
    const result = JSON.parse(data) as { usage?: Usage; response?: { body?: { usage?: Usage } } };
    const usage = result.usage ?? result.response?.body?.usage;
    return (usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0);
  } catch {
    return 0;
  }
}

interface Usage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
}
