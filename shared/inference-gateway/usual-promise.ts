/** What real-time requests are taken to expect where nothing else is said: milliseconds to the first token, and for each further one. Protocol: contract §7. */
export const usualPromise = { ttftMs: 1000, tpotMs: 50 } as const;

/** A target that an idle engine cannot keep counts as this multiple of its unloaded figure. Protocol: contract §7. */
export const overUnloaded = 1.5;
