import { type ApiRoute, isApiUrl } from '../../../shared/openai/api-routes.ts';
import type { Admission, AdmissionRefusal } from '../../admit/admit.ts';
import type { ApiKey } from '../../admit/api-keys.ts';
import { forItsClass } from '../../admit/refusal-for-class.ts';
import type { Headers } from '../../admit/request-head.ts';
import type { Endpoint } from '../../endpoint/endpoint.ts';
import type { Pool } from '../../endpoint/pool.ts';
import { type Refusal, refusal, shuttingDown, unknownApiKey } from '../../refusal.ts';
import type { HeldBody } from '../http/held-body.ts';
import {
  admitProxied,
  askedOf,
  capacityPath,
  impliedRoute,
  leastLoaded,
  listedModels,
  noneUsable,
  pathOf,
  subsetOf,
} from './arrival.ts';
import type { GrpcStream } from './grpc-stream.ts';
import { IncomingBody } from './incoming-body.ts';
import type { PickerServices } from './picker-services.ts';
import { bodyModes, type ProcessingRequest, subsetHintOf } from './processing-request.ts';

/** Told once what becomes of a request before it reaches the router. */
export interface IntakeListener {
  admitted(admission: Admission, body: HeldBody): void;
  /** Any endpoint may answer it: this one has the least to do. */
  forAny(endpoint: Endpoint): void;
  /** This JSON text is its answer. */
  answered(text: string): void;
  refused(refused: Refusal | AdmissionRefusal): void;
  /** The proxy gave it up before it was there whole. */
  gone(): void;
}

const notReturned = refusal(
  'internal_error',
  'the proxy must send bodies to its endpoint picker with FULL_DUPLEX_STREAMED',
);

/** Takes in one request: its head, its body piece by piece, and its admission. */
export class RequestIntake {
  readonly #services: PickerServices;
  readonly #stream: Pick<GrpcStream, 'guarded'>;
  readonly #listener: IntakeListener;
  readonly #headers: Headers;
  readonly #subset: ReadonlySet<string> | undefined;
  readonly #body = new IncomingBody();
  #key: ApiKey | undefined;
  #hasTrailers = false;
  #isOver = false;

  constructor(
    services: PickerServices,
    head: ProcessingRequest,
    stream: Pick<GrpcStream, 'guarded'>,
    listener: IntakeListener,
  ) {
    this.#services = services;
    this.#stream = stream;
    this.#listener = listener;
    this.#headers = head.headers;
    this.#subset = subsetOf(subsetHintOf(head), services.router.pool);
  }

  /** Trailers came behind the body. */
  get hasTrailers(): boolean {
    return this.#hasTrailers;
  }

  begin(head: ProcessingRequest): void {
    const refused = this.#refusalOf(head);
    const asked = refused ?? askedOf(head.headers);
    if (asked === 'anything') this.#pickAny();
    else if ('code' in asked) this.#refuse(asked);
    else {
      this.#read(asked.route);
      if (head.endOfStream) this.#body.complete();
    }
  }

  piece({ body, endOfStream }: ProcessingRequest): void {
    if (this.#isOver) return;
    this.#body.piece(body);
    if (endOfStream) this.#body.complete();
  }

  trailers(): void {
    this.#hasTrailers = true;
    this.#body.complete();
  }

  /** The proxy has given it up. */
  cut(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body.cut();
    this.#listener.gone();
  }

  #refusalOf({ bodyModes: modes, endOfStream }: ProcessingRequest): Refusal | undefined {
    const phase = this.#services.drainPhase();
    if (phase === 'refusing' || phase === 'ending') return shuttingDown;
    // As over HTTP: paths of the API alone need one. A request without a path is for the API.
    const target = this.#headers[':path'];
    const keys = target === undefined || isApiUrl(`${target}`) ? this.#services.keys() : undefined;
    this.#key = keys?.of(this.#headers);
    if (keys && !this.#key) return unknownApiKey;
    if (endOfStream || (modes?.request ?? bodyModes.fullDuplex) === bodyModes.fullDuplex) return undefined;
    this.#services.log.error({ mode: modes?.request }, notReturned.message);
    return notReturned;
  }

  #pickAny(): void {
    const { pool } = this.#services.router;
    const answer = this.#ownAnswer(pool);
    if (answer !== undefined) {
      this.#isOver = true;
      this.#listener.answered(answer);
      return;
    }
    const endpoint = leastLoaded(pool, this.#subset);
    if (!endpoint) {
      this.#refuse(noneUsable);
      return;
    }
    this.#isOver = true;
    this.#listener.forAny(endpoint);
  }

  /** What no endpoint can answer; undefined for anything else. */
  #ownAnswer(pool: Pool): string | undefined {
    if (this.#headers[':method'] !== 'GET') return undefined;
    const path = pathOf(this.#headers);
    if (path === capacityPath) return JSON.stringify(this.#services.capacity());
    return listedModels(path, pool, this.#services.models());
  }

  #read(route: ApiRoute | undefined): void {
    this.#services.bodies.read(this.#body, {
      taken: (body) => this.#taken(route ?? impliedRoute(body.bytes), body),
      refused: (refused) => this.#refuse(forItsClass(refused, this.#headers, this.#services)),
      gone: () => {},
    });
  }

  #taken(route: ApiRoute, body: HeldBody): void {
    const isOver = (): boolean => this.#isOver;
    this.#services.texts.read(body, isOver, (text) => {
      if (isOver()) body.release();
      else this.#stream.guarded(() => this.#admit(route, body, text));
    });
  }

  #admit(route: ApiRoute, body: HeldBody, text?: string): void {
    const { router } = this.#services;
    const arrival = { route, headers: this.#headers, body: body.bytes, text, key: this.#key, subset: this.#subset };
    const admission =
      this.#services.drainPhase() === 'ending'
        ? shuttingDown
        : admitProxied(arrival, { ...this.#services, pool: router.pool, bytesPerToken: router.bytesPerToken });
    if ('code' in admission) {
      body.release();
      this.#refuse(admission);
      return;
    }
    this.#isOver = true;
    this.#listener.admitted(admission, body);
  }

  #refuse(refused: Refusal | AdmissionRefusal): void {
    this.#isOver = true;
    this.#listener.refused(refused);
  }
}
