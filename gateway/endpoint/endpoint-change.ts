import type { OutlierChange } from './health/outlier-detector.ts';

/** Why an endpoint became usable or unusable. */
export type EndpointChange =
  | OutlierChange
  | { readonly kind: 'refuses the key' }
  | { readonly kind: 'takes the key again' }
  | { readonly kind: 'takes connections again' }
  | { readonly kind: 'refuses connections' };
