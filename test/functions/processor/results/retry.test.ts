import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { retryAtMs, retryMessage } from '../../../../functions/processor/results/retry.ts';
import { messageBytes } from '../../../../shared/pubsub/outgoing-message.ts';
import { decodeRequest } from '../../../../shared/pubsub/request.ts';
import { later, type UnixMs } from '../../../../shared/runtime/clock.ts';
import { unix } from '../../../support/instants.ts';
import { identity } from '../identities.ts';

describe('when', () => {
  const base = { attemptsFailed: 1, retryAfterMs: 0, deadlineAtMs: unix(1e9), nowMs: unix(0), fraction: 0 };
  const rows: [string, Partial<typeof base>, number][] = [
    ['the first, at the least', {}, 2000],
    ['the first, at the most', { fraction: 0.999 }, 3998],
    ['the fourth', { attemptsFailed: 4, fraction: 0.5 }, 24_000],
    ['never above a minute', { attemptsFailed: 30, fraction: 0.5 }, 45_000],
    ['what the gateway asked for', { retryAfterMs: 90_000 }, 90_000],
    ['not below the backoff', { retryAfterMs: 1 }, 2000],
    ['half of the time left', { deadlineAtMs: unix(3000) }, 1500],
    ['half of the time left, whatever the gateway asked for', { deadlineAtMs: unix(3000), retryAfterMs: 90_000 }, 1500],
  ];
  test.each(rows)('%s', (_, changed, expected) => {
    expect(retryAtMs({ ...base, ...changed })).toBeCloseTo(expected, 0);
  });
  test('always after now and before the deadline', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.nat(),
        fc.integer({ min: 1, max: 1e9 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attemptsFailed, retryAfterMs, leftMs, fraction) => {
          const atMs = retryAtMs({
            attemptsFailed,
            retryAfterMs,
            deadlineAtMs: unix(leftMs),
            nowMs: unix(0),
            fraction,
          });
          expect(atMs).toBeGreaterThan(0);
          expect(atMs).toBeLessThanOrEqual(leftMs / 2);
        },
      ),
    );
  });
});

describe('the message', () => {
  const request = {
    ...identity,
    attemptsFailed: 2,
    firstPublishedAtMs: unix(Date.UTC(2026, 10, 23)),
    deadlineAtMs: unix(1_795_546_400_250),
    endpoint: '/v1/completions',
    payload: new Uint8Array(0),
    headers: {},
    maxOutputTokens: undefined,
  };
  const data = Buffer.from('{"payload":{}}');
  const make = (changed: { data?: Uint8Array; attributes?: Record<string, string>; lastStatus?: number } = {}) =>
    retryMessage({
      topic: 'retries',
      request,
      origin: 'requests',
      data,
      attributes: {},
      retryAtMs: unix(1_795_460_000_125.4),
      firstFailedAtMs: unix(Date.UTC(2026, 10, 23, 1)),
      lastStatus: undefined,
      ...changed,
    });

  test('is the original with the state of its retries', () => {
    expect(make({ attributes: { team: 'x', tenant: 't', attempt: '2', last_status: '500' }, lastStatus: 503 })).toEqual(
      {
        topic: 'retries',
        data,
        attributes: {
          team: 'x',
          tenant: 't',
          attempt: '3',
          retry_at: '1795460000.125',
          published_at: '2026-11-23T00:00:00.000Z',
          first_failed_at: '2026-11-23T01:00:00.000Z',
          first_message_id: '5',
          last_status: '503',
          origin_subscription: 'requests',
          resolved_id: 'doc-17',
          resolved_deadline: '1795546400.25',
        },
      },
    );
  });
  test('without an answer there is no last_status', () => {
    expect(make()?.attributes).not.toHaveProperty('last_status');
  });
  test('a hundred attributes make room for that state', () => {
    const attributes = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`k${String(index).padStart(3, '0')}`, 'v']),
    );
    const names = Object.keys(make({ attributes })?.attributes ?? {});
    expect(names).toHaveLength(100);
    expect(names).toContain('attempt');
    expect(names).not.toContain('k099');
  });
  test('that Pub/Sub would not take is none', () => {
    const room = 10_000_000 - messageBytes(new Uint8Array(0), make()?.attributes ?? {});
    expect(make({ data: new Uint8Array(room) })).toBeDefined();
    expect(make({ data: new Uint8Array(room + 1) })).toBeUndefined();
  });
});

test('a retry is the same request with one failed attempt more', () => {
  const publishedAtMs = unix(Date.UTC(2026, 10, 23));
  const endpoint = '/v1/completions';
  const rules = {
    allowedEndpoints: [endpoint],
    defaultDeadlineMs: 86_400_000,
    tenantAttributes: ['tenant'],
    tenant: undefined,
  };
  const read = (messageId: string, data: Uint8Array, attributes: Readonly<Record<string, string>>, atMs: UnixMs) => {
    const message = { subscription: 's', messageId, publishedAtMs: atMs, attributes, data, fault: undefined };
    const decoded = decodeRequest(message, rules, atMs);
    if ('invalid' in decoded) throw new Error(decoded.invalid);
    return decoded.request;
  };
  const printable = fc.string({ minLength: 1, maxLength: 30 });
  const metadata = fc.dictionary(printable, fc.string({ maxLength: 30 }), { maxKeys: 5 });
  const known = fc.record(
    { id: printable, tenant: printable, endpoint: fc.constant(endpoint), attempt: fc.nat(9).map(String) },
    { requiredKeys: [] },
  );
  const body = fc.record(
    { id: printable, deadline: fc.integer({ min: 1_795_500_000, max: 1_797_000_000 }), metadata },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(body, fc.tuple(metadata, known), (fields, [others, ours]) => {
      const data = Buffer.from(JSON.stringify({ ...fields, payload: { prompt: 'x', model: 'm' } }));
      const attributes = { ...others, ...ours };
      const first = read('1', data, attributes, publishedAtMs);
      const retry = {
        topic: 'r',
        request: first,
        origin: 'requests',
        data,
        attributes,
        retryAtMs: later(publishedAtMs, 5000),
        firstFailedAtMs: later(publishedAtMs, 1000),
        lastStatus: 503,
      };
      const message = retryMessage(retry);
      const second = read('2', message!.data, message!.attributes, later(publishedAtMs, 9000));
      expect(second).toEqual({
        ...first,
        attemptsFailed: first.attemptsFailed + 1,
        retryAtMs: publishedAtMs + 5000,
        firstFailedAtMs: publishedAtMs + 1000,
        lastStatus: 503,
      });
    }),
  );
});
