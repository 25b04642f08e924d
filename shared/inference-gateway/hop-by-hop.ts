/**
 * Headers that concern one connection alone, in lower case: a proxy never passes them on. So are those that a `Connection` header names.
 * Source: RFC 9110 §7.6.1, RFC 7540 §3.2.1 for `http2-settings`; `keep-alive` and `proxy-connection` are in use without a standard.
 */
export const hopByHopHeaders = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
] as const;
