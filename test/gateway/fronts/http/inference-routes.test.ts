import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { BodyReader } from '../../../../gateway/fronts/http/body-reader.ts';
import { BodyBudget } from '../../../../gateway/fronts/http/held-body.ts';
import { createHttpApp } from '../../../../gateway/fronts/http/http-app.ts';
import { type InferenceServices, inferenceRoutes } from '../../../../gateway/fronts/http/inference-routes.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { postHead, RawConnection } from '../../../support/raw-connection.ts';

test('an error of the gateway’s own in a request’s admission is that request’s 500, and that of no other', async () => {
  const counted: string[] = [];
  let faulty = true;
  const services = {
    defaultObjective: 'standard',
    keys: () => undefined,
    models: () => new Map(),
    drainPhase: () => 'none',
    opened: () => {},
    bodies: new BodyReader({ mostBytes: 1000, budget: new BodyBudget(1e6) }),
    trustedSpelling: 'both' as const,
    asyncApiUrl: undefined,
    onRejected: (_: unknown, { code }: { code: string }) => counted.push(code),
    objectives: () => {
      if (faulty) throw new Error('a fault');
      return new Map();
    },
  };
  const app = createHttpApp({ log: createLogger('silent', 'test'), onRejected: services.onRejected });
  inferenceRoutes(app, services as unknown as InferenceServices);
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  const connection = new RawConnection(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
  const body = '{"model":"m"}';
  const request = `${postHead([`content-length: ${body.length}`])}${body}`;
  expect(await connection.send(request).untilAnswers(1)).toEqual([[500, 'internal_error']]);
  faulty = false;
  expect(await connection.send(request).untilAnswers(2)).toContainEqual([400, 'unknown_objective']);
  expect(counted).toEqual(['internal_error', 'unknown_objective']);
  connection.cut();
});
