import { MetricServiceClient } from '@google-cloud/monitoring';
import { credentials } from '@grpc/grpc-js';

/** Google's Monitoring, or the local one at `endpoint`, over plaintext. */
export function connectMonitoring(endpoint: string | undefined): MetricServiceClient {
  if (endpoint === undefined) return new MetricServiceClient();
  const { hostname, port } = new URL(`http://${endpoint}`);
  return new MetricServiceClient({
    servicePath: hostname,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  });
}
