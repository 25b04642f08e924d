import type { PromptBlocks } from '../../gateway/endpoint/prefix/prompt-blocks.ts';
import type { RoutingRequest } from '../../gateway/request.ts';
import { workClassOf } from '../../gateway/work-class.ts';
import { apiRoutes } from '../../shared/openai/api-routes.ts';

/** What a test says of its request. */
export interface RequestWish {
  readonly id?: string;
  readonly priority?: number;
  readonly tenant?: string;
  readonly model?: string;
  readonly route?: RoutingRequest['route'];
  readonly stream?: boolean;
  readonly promptTokens?: number;
  readonly promptBlocks?: PromptBlocks;
  readonly maxOutputTokens?: number | undefined;
  readonly sizeBytes?: number;
  readonly ttftSloMs?: number | undefined;
  readonly tpotSloMs?: number | undefined;
  readonly queueTtlMs?: number | undefined;
}

/** A small real-time stream without promises, where the wish says nothing else. */
export function routingRequestOf(wish: RequestWish = {}): RoutingRequest {
  const { priority = 0, promptTokens = 1 } = wish;
  return {
    id: '',
    route: apiRoutes.chatCompletions,
    answersAsked: 1,
    promptSize: { textBytes: 4 * promptTokens, attachments: 0 },
    model: 'm',
    tenant: '',
    priority,
    workClass: workClassOf(priority),
    stream: true,
    promptTokens: 1,
    promptBlocks: new Uint32Array(),
    maxOutputTokens: 1,
    sizeBytes: 1,
    ttftSloMs: undefined,
    tpotSloMs: undefined,
    missBudget: undefined,
    objective: 'standard',
    queueTtlMs: undefined,
    traceId: undefined,
    ...wish,
  };
}
