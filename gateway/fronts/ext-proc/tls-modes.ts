/** Whether calls of the endpoint picker are encrypted. */
export const tlsModes = ['self-signed', 'off'] as const;
/** A value of `EXT_PROC_TLS`. */
export type TlsMode = (typeof tlsModes)[number];
