/**
 * Request and response headers of the Inference Gateway, in both spellings where there are two; the first one wins when read.
 * Source: Gateway API Inference Extension, llm-d-router.
 */
export const objectiveHeaders = ['x-llm-d-inference-objective', 'x-gateway-inference-objective'] as const;
/** The tenant of a request. */
export const fairnessIdHeaders = ['x-llm-d-inference-fairness-id', 'x-gateway-inference-fairness-id'] as const;
/** The promised time to the first token, in milliseconds. */
export const ttftSloHeaders = ['x-llm-d-slo-ttft-ms', 'x-slo-ttft-ms'] as const;
/** The promised time per token, in milliseconds. */
export const tpotSloHeaders = ['x-llm-d-slo-tpot-ms', 'x-slo-tpot-ms'] as const;
/** A Go duration: the longest that the request may wait in the queue. */
export const queueTtlHeader = 'x-llm-d-inference-ttl';
/** Why a request was refused or stopped, in the endpoint picker's words. */
export const droppedReasonHeader = 'x-llm-d-request-dropped-reason';
/** `host:port` of the endpoint that served a request. */
export const servedEndpointHeader = 'x-gateway-destination-endpoint-served';
/** Names a request from the producer to the model server. */
export const requestIdHeader = 'x-request-id';
