import { expect, test } from 'vitest';
import type { RequestLogMode } from '../../../gateway/config.ts';
import { RequestLog } from '../../../gateway/observe/request-log.ts';
import { routerWorld } from '../../support/router-world.ts';
import type { RequestWish } from '../../support/routing-requests.ts';

interface Line {
  readonly status: number;
  readonly code: string | null;
}

/** What is logged of a request that takes 100 ms to its first token and 400 ms for two more. */
async function linesOf(mode: RequestLogMode, wish: RequestWish): Promise<Line[]> {
  const lines: Line[] = [];
  const { clock, router, submit } = routerWorld();
  const log = new RequestLog(mode, (line) => lines.push(line as Line));
  router.subscribe({ ended: (routed, ending) => log.ended(routed, ending) });
  const { attempt } = submit('r', wish);
  await clock.advance(100);
  attempt.firstByte(200, 0, clock.now());
  attempt.chunk(clock.now());
  await clock.advance(400);
  attempt.chunk(clock.now());
  attempt.reported({ promptTokens: 7, completionTokens: 3, cachedTokens: 0 });
  attempt.end('complete', clock.now());
  return lines;
}

test('a request that went well has all that the contract names', async () => {
  expect(await linesOf('all', { tenant: 'acme' })).toEqual([
    {
      event: 'request',
      request_id: 'r',
      status: 200,
      code: null,
      objective: 'standard',
      tenant: 'acme',
      model: 'm',
      endpoint: 'a:1',
      ttft_ms: 100,
      duration_ms: 500,
      prompt_tokens: 7,
      completion_tokens: 3,
      trace_id: null,
    },
  ]);
});

test.each<[string, RequestLogMode, RequestWish, number]>([
  ['one that went well, where errors are logged', 'errors', {}, 0],
  ['one that was as fast as promised', 'errors', { ttftSloMs: 100, tpotSloMs: 200 }, 0],
  ['one whose first token came later than promised', 'errors', { ttftSloMs: 99 }, 1],
  ['one whose tokens came slower than promised', 'errors', { tpotSloMs: 199 }, 1],
  ['the same of sheddable work, which is promised nothing', 'errors', { ttftSloMs: 99, priority: -1 }, 0],
  ['any, where none is logged', 'none', { ttftSloMs: 99 }, 0],
])('%s', async (_, mode, wish, lines) => {
  expect(await linesOf(mode, wish)).toHaveLength(lines);
});

test('a stream that is cut is an error, with the status that its client has seen', () => {
  const lines: Line[] = [];
  const { router, submit } = routerWorld();
  const log = new RequestLog('errors', (line) => lines.push(line as Line));
  router.subscribe({ ended: (routed, ending) => log.ended(routed, ending) });
  submit('r', {}, (attempt) => {
    attempt.firstByte(200, 0, 0);
    attempt.end('broken', 0);
  });
  expect(lines).toMatchObject([{ status: 200, code: 'upstream_error' }]);
});
