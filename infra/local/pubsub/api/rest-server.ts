import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Written } from '../catalog/settings.ts';
import type { Methods, ReceivedMessage, Request } from './methods.ts';
import { asRefusal, invalid, Refusal, statusCodes } from './refusal.ts';
import { fromRestJson, maskPaths, toRestMessage } from './rest-json.ts';
import { findRoute } from './rest-routes.ts';

/** 10 MiB in base64 and room for names and attributes. */
const maxBodyBytes = 16 * 1024 * 1024;

/** A document that is served as it is: path → JSON value. */
export type Documents = Readonly<Record<string, unknown>>;

/** What is not of Google's API: path → a text that is made when it is asked for. */
export type Pages = Readonly<Record<string, () => string>>;

/** Google's REST API over the same methods, for curl and gcloud. `onFault` hears of errors that are ours. */
export function createRestServer(
  methods: Methods,
  documents: Documents,
  pages: Pages,
  onFault: (error: unknown) => void,
): Server {
  return createServer(async (request, response) => {
    try {
      const page =
        request.method === 'GET' && Object.hasOwn(pages, request.url ?? '') ? pages[request.url ?? ''] : undefined;
      if (page) return void response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(page());
      send(response, 200, await answer(request, response));
    } catch (error) {
      const { code, message } = asRefusal(error);
      const { http } = statusCodes[code];
      send(response, http, { error: { code: http, message, status: code } });
      if (!(error instanceof Refusal)) onFault(error);
    }
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const path = decoded(url.pathname);
    const body = await readBody(request);
    if (request.method === 'GET' && Object.hasOwn(documents, path)) return documents[path];
    const found = findRoute(request.method ?? '', path);
    if (!found) throw new Refusal('NOT_FOUND', `There is no ${request.method} ${path} here.`);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const fields = { ...fromQuery(url.searchParams), ...fromRestJson(body) };
    const result = await methods[found.route.method](bound(fields, found.route.bind, found.name), gone.signal);
    return toRest(result as Written);
  }
}

/** Puts the path's name where the method looks for it, over whatever the body says. */
function bound(fields: Written, bind: string, name: string): Request {
  const [field = '', inner] = bind.split('.');
  const value = inner === undefined ? name : { ...(fields[field] as object | undefined), [inner]: name };
  return { ...fields, [field]: value };
}

function fromQuery(query: URLSearchParams): Written {
  const pageSize = query.get('pageSize');
  const pageToken = query.get('pageToken');
  const updateMask = query.get('updateMask');
  return {
    ...(pageSize === null ? {} : { pageSize: Number(pageSize) }),
    ...(pageToken === null ? {} : { pageToken }),
    ...(updateMask === null ? {} : { updateMask: maskPaths(updateMask) }),
  };
}

function toRest(result: Written): Written {
  const received = result.receivedMessages as readonly ReceivedMessage[] | undefined;
  if (!received) return result;
  if (received.length === 0) return {};
  return { receivedMessages: received.map((one) => ({ ...one, message: toRestMessage(one.message) })) };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalid('The path is not URL-encoded UTF-8.');
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (bytes > maxBodyBytes) throw invalid(`Request payload size exceeds the limit: ${maxBodyBytes} bytes of JSON.`);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
