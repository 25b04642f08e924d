import { baseUrl, type Parsed } from '../../shared/runtime/config/variables.ts';
import type { EndpointAddress } from '../endpoint/address.ts';

const address = baseUrl('url', { required: true, meaning: 'base URL of a model server' });

/** What other clients' base URLs end in. */
const apiPath = /\/+v1$/;

/** Reads a comma list of base URLs. */
export function parseEndpointList(raw: string): Parsed<readonly EndpointAddress[]> {
  return distinct(raw.split(',').map((url) => ({ url: url.trim(), labels: {} })));
}

/** Reads `[{"url":"http://10.0.0.7:8000","labels":{}}]`; an empty array is an empty pool. */
export function parseEndpointFile(text: string): Parsed<readonly EndpointAddress[]> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { fault: 'must be JSON' };
  }
  if (!Array.isArray(json)) return { fault: 'must be a JSON array of {"url","labels"}' };
  const items: EndpointAddress[] = [];
  for (const item of json) {
    const { url, labels } = (item ?? {}) as { url?: unknown; labels?: unknown };
    if (typeof url !== 'string') return { fault: 'must give every endpoint a url' };
    if (!isTextMap(labels ?? {})) return { fault: `must give ${url} labels of text to text, or none` };
    items.push({ url, labels: (labels ?? {}) as Record<string, string> });
  }
  return distinct(items);
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

function isTextMap(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) => typeof item === 'string');
}
