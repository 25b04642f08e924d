import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build, storage } from './builds.ts';
import { artifactRegistry, iam, monitoring, pubsub, resourceManager, secretManager, serviceUsage } from './catalogs.ts';
import { run } from './run.ts';
import { type Answer, type Api, type ApiCall, fault, World } from './world.ts';

export interface GoogleApis {
  readonly world: World;
  /** Every call so far that changes something, as `METHOD host/path`; `getIamPolicy` is a POST in some APIs, and reads. */
  changes(): readonly string[];
  /** Forgets the calls so far. */
  forget(): void;
  /** What makes gcloud send everything here, in plain text and with a token that it need not ask for. */
  readonly env: Readonly<Record<string, string>>;
  close(): void;
}

const apis: Readonly<Record<string, Api>> = {
  artifactregistry: artifactRegistry,
  cloudbuild: build,
  cloudresourcemanager: resourceManager,
  iam,
  monitoring,
  pubsub,
  run,
  secretmanager: secretManager,
  serviceusage: serviceUsage,
  storage,
};

/**
 * Plays those of Google's APIs that the deployment calls, for the real gcloud: each call is recorded, and what one makes the next one finds.
 * gcloud comes through its proxy setting, since it derives the hosts of regions by itself.
 */
export async function startGoogleApis(configFolder: string, tokenFile: string): Promise<GoogleApis> {
  const world = new World();
  let calls: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://no-proxy-request.invalid');
      const raw = Buffer.concat(chunks).toString();
      const { method = '' } = request;
      const path = decodeURIComponent(url.pathname).slice(1);
      if (method !== 'GET' && !path.endsWith(':getIamPolicy')) calls.push(`${method} ${url.host}/${path}`);
      const body = request.headers['content-type']?.includes('json') ? JSON.parse(raw) : raw;
      const { status = 200, body: answer = {} } = answered(world, url.host, {
        method,
        path,
        query: url.searchParams,
        body,
      });
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    world,
    changes: () => calls,
    forget: () => {
      calls = [];
    },
    env: {
      CLOUDSDK_CONFIG: configFolder,
      CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: tokenFile,
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: 'true',
      CLOUDSDK_PROXY_TYPE: 'http_no_tunnel',
      CLOUDSDK_PROXY_ADDRESS: '127.0.0.1',
      CLOUDSDK_PROXY_PORT: String(port),
      ...Object.fromEntries(
        Object.keys(apis).map((api) => [
          `CLOUDSDK_API_ENDPOINT_OVERRIDES_${api.toUpperCase()}`,
          `http://${api}.googleapis.com/${api === 'storage' ? 'storage/v1/' : ''}`,
        ]),
      ),
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answered(world: World, host: string, call: ApiCall): Answer {
  // Cloud Run's hosts begin with a region: europe-west4-run.googleapis.com.
  const [, region, api = ''] = /^(?:(.*)-(?=run\.))?(\w+)\.googleapis\.com$/.exec(host) ?? [];
  const part = [...world.denied].find((denied) => call.path.includes(denied));
  if (part !== undefined) {
    return fault(403, 'PERMISSION_DENIED', `Permission denied on resource ${part} (or it may not exist).`);
  }
  const answer = apis[api]?.(world, region === undefined ? call : { ...call, region });
  return answer ?? fault(501, 'UNIMPLEMENTED', `the double has no ${call.method} ${host}/${call.path}`);
}
