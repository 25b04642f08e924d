import { seededRandom } from '../engine/seeded-random.ts';
import { hashText } from './tokenizer.ts';

/** A text's own direction: unit length, the same for the same text. */
export function embed(text: string, dimensions: number): Float32Array {
  const random = seededRandom(hashText(text));
  const vector = Float32Array.from({ length: dimensions }, () => random() - 0.5);
  const length = Math.hypot(...vector);
  return vector.map((each) => each / length);
}

/** One embedding of an answer. */
export function embeddingData(text: string, index: number, dimensions: number, encoding: 'float' | 'base64') {
  const vector = embed(text, dimensions);
  const embedding = encoding === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
  return { index, object: 'embedding', embedding };
}
