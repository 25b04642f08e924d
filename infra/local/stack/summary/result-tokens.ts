import { readUsage } from '../../../../shared/openai/usage.ts';

/** Prompt and completion tokens of a result, in either of its two shapes; 0 where it does not say. */
export function resultTokens(data: string): number {
  const usage = readUsage(data);
  return (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0);
}
