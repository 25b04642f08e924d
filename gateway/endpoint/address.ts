/** Where one model server listens. */
export interface EndpointAddress {
  /** `http://10.0.0.7:8000`, a path allowed, without a trailing slash. */
  readonly url: string;
  readonly labels: Readonly<Record<string, string>>;
}
