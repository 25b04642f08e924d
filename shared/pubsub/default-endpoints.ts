/** The paths that a message may ask for where `ALLOWED_ENDPOINTS` does not say others, as that variable is written. */
export const defaultEndpoints = '/v1/chat/completions,/v1/completions,/v1/embeddings,/v1/responses';
