/**
 * The lines of a JSONL file, blank ones left out, each calling for `model`.
 * @throws {Error} naming a line that is no JSON object
 */
export function sampleLines(text: string, model: string): string[] {
  return text
    .split('\n')
    .map((line, index) =>
      line.trim() === '' ? undefined : JSON.stringify(withModel(readLine(line, index + 1), model)),
    )
    .filter((line) => line !== undefined);
}

function readLine(line: string, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, with the line's number.
  }
  throw new Error(`line ${number} of the sample is no JSON object`);
}

/** The model stands in `payload`, in `body`, or in the request itself. */
function withModel(request: Record<string, unknown>, model: string): Record<string, unknown> {
  for (const shape of ['payload', 'body']) {
    if (typeof request[shape] === 'object' && request[shape] !== null) {
      return { ...request, [shape]: { ...request[shape], model } };
    }
  }
  return { ...request, model };
}
