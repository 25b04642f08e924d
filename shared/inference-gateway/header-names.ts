/**
 * Request and response headers of the Inference Gateway, in both spellings where there are two; the first one wins when read.
 * Source: Gateway API Inference Extension, llm-d-router.
 */
export const objectiveHeaders = ['x-llm-d-inference-objective', 'x-gateway-inference-objective'] as const;
export const fairnessIdHeaders = ['x-llm-d-inference-fairness-id', 'x-gateway-inference-fairness-id'] as const;
export const ttftSloHeaders = ['x-llm-d-slo-ttft-ms', 'x-slo-ttft-ms'] as const;
export const tpotSloHeaders = ['x-llm-d-slo-tpot-ms', 'x-slo-tpot-ms'] as const;
/** A Go duration: the longest that the request may wait in the queue. */
export const queueTtlHeader = 'x-llm-d-inference-ttl';
export const droppedReasonHeader = 'x-llm-d-request-dropped-reason';
export const servedEndpointHeader = 'x-gateway-destination-endpoint-served';
export const requestIdHeader = 'x-request-id';
