import { seededRandom } from '../engine/seeded-random.ts';
import { hashText } from './tokenizer.ts';

export interface EmbeddingAnswer {
  readonly id: string;
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
  readonly texts: readonly string[];
  readonly dimensions: number;
  readonly encoding: 'float' | 'base64';
  readonly promptTokens: number;
}

/** A text's own direction: unit length, the same for the same text. */
export function embed(text: string, dimensions: number): Float32Array {
  const random = seededRandom(hashText(text));
  const vector = Float32Array.from({ length: dimensions }, () => random() - 0.5);
  const length = Math.hypot(...vector);
  return vector.map((each) => each / length);
}

export function embeddingBody(answer: EmbeddingAnswer): string {
  const { id, model, created, texts, dimensions, encoding, promptTokens } = answer;
  return JSON.stringify({
    id,
    object: 'list',
    created,
    model,
    data: texts.map((text, index) => {
      const vector = embed(text, dimensions);
      const embedding = encoding === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
      return { index, object: 'embedding', embedding };
    }),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens, completion_tokens: 0 },
  });
}
