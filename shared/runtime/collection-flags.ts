import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect the memory of requests that last for seconds, and of their bodies, as cheaply as that of short ones. To be called once, before
 * the first request. Decisions: docs/decisions/no-pretenuring.md, docs/decisions/bodies-outside-the-heap.md.
 */
export function setCollectionFlags(): void {
  // V8 takes requests that last for long-lived, and would make the next ones in old memory, where they keep alive whatever they refer to until
  // a full collection.
  setFlagsFromString('--no-allocation-site-pretenuring');
  // Bodies lie outside of V8's heap: by itself it begins a full collection whenever 64 MB of them have come, alive or not.
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}
