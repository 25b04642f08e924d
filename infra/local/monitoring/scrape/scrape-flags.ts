import type { Parsed } from '../../../../shared/runtime/config/variables.ts';

/** Reads a comma list of URLs; one without a path means its `/metrics`. */
export function readPageUrls(raw: string): Parsed<readonly string[]> {
  const urls: string[] = [];
  for (const item of raw.split(',')) {
    const url = URL.canParse(item.trim()) ? new URL(item.trim()) : undefined;
    if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
      return { fault: 'must be a comma list of URLs like http://127.0.0.1:8000/metrics' };
    }
    if (url.pathname === '/') url.pathname = '/metrics';
    urls.push(url.href);
  }
  return { value: urls };
}

/** Reads a comma list of NAME=VALUE. */
export function readLabels(raw: string): Parsed<Readonly<Record<string, string>>> {
  const pairs = raw.split(',').map((item) => /^\s*([A-Za-z_]\w*)=(.*?)\s*$/.exec(item));
  if (pairs.includes(null)) return { fault: 'must be a comma list of NAME=VALUE' };
  return { value: Object.fromEntries(pairs.map((pair) => [pair?.[1], pair?.[2]])) };
}
