import * as z from 'zod/mini';
import { readJson } from '../../shared/runtime/config/json-text.ts';
import type { Parsed } from '../../shared/runtime/config/variables.ts';
import { objectMembers } from '../../shared/runtime/json-spans.ts';
import type { ModelList } from '../endpoint/model-list.ts';

/** A model that stands behind a name, and its share of the requests for that name: weight / sum of the weights. */
export interface ModelShare {
  readonly model: string;
  /** Above 0. */
  readonly weight: number;
}

/** Path of the list of models; one of them stands behind it. Protocol: OpenAI. */
export const modelListPath = '/v1/models';

/** Other names for models: name → the models that it stands for. */
export type ModelNames = ReadonlyMap<string, readonly ModelShare[]>;

/** Names of models become metric labels, so they are bounded. Derived: as those of requests. */
const longestName = 256;
const named = 'a list of {"model","weight"}, with positive weights';

const modelFile = z.record(
  z.string().check(z.minLength(1), z.maxLength(longestName)),
  z
    .array(
      z.object(
        {
          model: z.string(named).check(z.minLength(1, named), z.maxLength(longestName, named)),
          weight: z._default(z.number(named).check(z.positive(named)), 1),
        },
        named,
      ),
      named,
    )
    .check(z.minLength(1, named)),
  {
    error: ({ code }) =>
      code === 'invalid_key'
        ? `a name of 1 to ${longestName} characters`
        : 'must be a JSON object of name to a list of {"model","weight"}',
  },
);

/** Reads `{"gpt-4o":[{"model":"llama-70b","weight":90},{"model":"llama-8b","weight":10}]}`. A weight that is left out is 1. */
export function parseModelNames(text: string): Parsed<ModelNames> {
  const read = readJson(text, modelFile);
  return 'fault' in read ? read : { value: new Map(Object.entries(read.value)) };
}

/**
 * The model that a request gets: of those behind the name that can be served, each with a chance of its weight; of all where none can be
 * served; the name itself where it stands for no other.
 * @param random in [0, 1)
 */
export function targetOf(
  asked: string,
  names: ModelNames,
  canServe: (model: string) => boolean,
  random: () => number,
): string {
  const shares = names.get(asked);
  if (!shares) return asked;
  const servable = shares.filter(({ model }) => canServe(model));
  const among = servable.length > 0 ? servable : shares;
  let left = random() * among.reduce((sum, { weight }) => sum + weight, 0);
  for (const { model, weight } of among) {
    left -= weight;
    if (left < 0) return model;
  }
  return among.at(-1)?.model ?? asked;
}

/** The body with this model instead of its own, and no other byte changed. It must be a JSON object. */
export function withModel(body: Buffer, model: string): Buffer {
  const span = objectMembers(body, 0, body.length, ['model'])?.get('model');
  if (!span) return body;
  return Buffer.concat([body.subarray(0, span.start), Buffer.from(JSON.stringify(model)), body.subarray(span.end)]);
}

/** The models of the endpoints, and the names of which one model is there; of a name that is a model's own, that model's entry. */
export function withNames(models: ModelList, names: ModelNames): ModelList {
  if (names.size === 0) return models;
  const all = new Map(models);
  for (const [name, shares] of names) {
    const isServed = shares.some(({ model }) => models.has(model));
    if (isServed && !all.has(name)) all.set(name, { id: name, object: 'model', created: 0, owned_by: 'backfill' });
  }
  return all;
}

/** Where no other names are configured. */
export const noNames: ModelNames = new Map();
