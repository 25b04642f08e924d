import { expect, test } from 'vitest';
import { answerHeadersFor, requestHeadersFor } from '../../../../gateway/fronts/http/forwarded-headers.ts';

const own = ['x-request-id', 'r'];

test.each<[string, string[], string[]]>([
  ['case and order stay as they were', ['X-B', '1', 'x-a', '2'], ['X-B', '1', 'x-a', '2']],
  ['one that comes twice', ['a', '1', 'A', '2'], ['a', '1', 'A', '2']],
  ['what belongs to one connection', ['TE', 'trailers', 'Keep-Alive', '5', 'a', '1'], ['a', '1']],
  [
    'settings of a connection that may turn to HTTP/2',
    ['HTTP2-Settings', 'AAMAAABk', 'Upgrade', 'h2c', 'a', '1'],
    ['a', '1'],
  ],
  ['what is the gateway’s alone', ['Authorization', 'Bearer k', 'Host', 'h', 'X-Request-Id', 'other'], []],
  ['a connection that is kept names none', ['Connection', 'Keep-Alive', 'a', '1'], ['a', '1']],
  ['a connection names headers', ['connection', 'close, X-Hop', 'x-hop', '1', 'a', '2', 'x-hop', '3'], ['a', '2']],
  ['after they came', ['x-hop', '1', 'a', '2', 'connection', 'x-hop'], ['a', '2']],
  ['in two headers', ['connection', 'x-hop', 'connection', 'y-hop', 'x-hop', '1', 'y-hop', '2'], []],
])('a request’s headers: %s', (_, came, sent) => {
  expect(requestHeadersFor(came, 'r')).toEqual([...sent, ...own]);
});

test('an answer says who gave it, whatever it said itself', () => {
  const said = ['X-Request-Id', 'other', 'X-Gateway-Destination-Endpoint-Served', 'other'];
  const cookies = ['Set-Cookie', 'a', 'set-cookie', 'b'];
  expect(answerHeadersFor([...said, ...cookies], 'r', 'pod:1')).toEqual([
    ...cookies,
    ...own,
    'x-gateway-destination-endpoint-served',
    'pod:1',
  ]);
});
