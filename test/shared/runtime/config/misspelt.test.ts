import { expect, test } from 'vitest';
import { functionSchema } from '../../../../functions/processor/config.ts';
import { gatewaySchema } from '../../../../gateway/config.ts';
import { misspeltVariables } from '../../../../shared/runtime/config/misspelt.ts';

test.each([
  ['ENDPOINT', 'ENDPOINTS'],
  ['SHEDABLE_WAIT_SECONDS', 'SHEDDABLE_WAIT_SECONDS'],
  ['QUEUE_TIMEOUT', 'QUEUE_TIMEOUT_SECONDS'],
  ['METRICS_REFRESH', 'METRICS_REFRESH_MS'],
  ['maxQueued', 'MAX_QUEUED'],
  ['LOG-LEVEL', 'LOG_LEVEL'],
  ['LOGLEVEL', 'LOG_LEVEL'],
])('%s looks like %s', (written, meant) => {
  expect(misspeltVariables(gatewaySchema, { [written]: 'x' })).toEqual([{ written, meant }]);
});

test('one that is set to nothing is none', () => {
  expect(misspeltVariables(gatewaySchema, { ENDPOINT: ' ' })).toEqual([]);
});

test('what surrounds a service looks like nothing of ours', () => {
  const names = `PATH HOME HOSTNAME USER LOGNAME SHELL PWD OLDPWD TERM LANG TZ TMPDIR NODE_ENV NODE_OPTIONS NODE_VERSION K_SERVICE K_REVISION
    K_CONFIGURATION FUNCTION_TARGET FUNCTION_SIGNATURE_TYPE GOOGLE_APPLICATION_CREDENTIALS GCLOUD_PROJECT GOOGLE_CLOUD_REGION CLOUD_RUN_TIMEOUT_SECONDS
    KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_PORT BACKFILL_GATEWAY_SERVICE_HOST BACKFILL_GATEWAY_PORT PORTS POOL OTEL_SERVICE_NAME
    OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_HEADERS HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE npm_config_loglevel INIT_CWD EDITOR`;
  const env = Object.fromEntries(names.split(/\s+/).map((name) => [name, 'x']));
  for (const schema of [gatewaySchema, functionSchema]) {
    const ours = Object.fromEntries(Object.values(schema).map(({ name }) => [name, 'x']));
    expect(misspeltVariables(schema, { ...env, ...ours })).toEqual([]);
  }
});
