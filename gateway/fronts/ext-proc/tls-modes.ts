/** Whether calls of the endpoint picker are encrypted. */
export const tlsModes = ['self-signed', 'off'] as const;
/** One of them. */
export type TlsMode = (typeof tlsModes)[number];
