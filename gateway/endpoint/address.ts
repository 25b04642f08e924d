/** Where one model server listens. */
export interface EndpointAddress {
  /** `http://10.0.0.7:8000`, a path allowed, without a trailing slash. */
  readonly url: string;
  readonly labels: Readonly<Record<string, string>>;
  /** It was written with the `/v1` of the API at its end, which is taken off: the paths of requests have it. */
  readonly lostApiPath?: true;
}
