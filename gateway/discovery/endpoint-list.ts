import * as z from 'zod/mini';
import { readJson } from '../../shared/runtime/config/json-text.ts';
import { baseUrl, type Parsed } from '../../shared/runtime/config/variables.ts';
import type { EndpointAddress } from '../endpoint/address.ts';

const address = baseUrl('url', { required: true, meaning: 'base URL of a model server' });

/** What other clients' base URLs end in. */
const apiPath = /\/+v1$/;

/** Reads a comma list of base URLs. */
export function parseEndpointList(raw: string): Parsed<readonly EndpointAddress[]> {
  return distinct(raw.split(',').map((url) => ({ url: url.trim(), labels: {} })));
}

const labels = 'labels of text to text, or none';

const endpointFile = z.array(
  z.object(
    {
      url: z.string('a url'),
      labels: z.nullish(z.record(z.string(), z.string(labels), labels)),
    },
    'an object of url and labels',
  ),
  'must be a JSON array of {"url","labels"}',
);

/** Reads `[{"url":"http://10.0.0.7:8000","labels":{}}]`; an empty array is an empty pool. */
export function parseEndpointFile(text: string): Parsed<readonly EndpointAddress[]> {
  const read = readJson(text, endpointFile);
  return 'fault' in read ? read : distinct(read.value.map(({ url, labels }) => ({ url, labels: labels ?? {} })));
}

function distinct(items: readonly EndpointAddress[]): Parsed<readonly EndpointAddress[]> {
  const byUrl = new Map<string, EndpointAddress>();
  for (const { url: written, labels } of items) {
    const parsed = address.read(written);
    if ('fault' in parsed) return { fault: 'must hold only base URLs like http://10.0.0.1:8000' };
    const url = parsed.value.replace(apiPath, '');
    byUrl.set(url, { url, labels, ...(url === parsed.value ? {} : { lostApiPath: true }) });
  }
  return { value: [...byUrl.values()] };
}
