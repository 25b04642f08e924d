import { GoogleAuth } from 'google-auth-library';

const scope = 'https://www.googleapis.com/auth/monitoring.read';

/** Credentials for Google's APIs. */
export interface GoogleCredentials {
  /** @throws {Error} when the environment names no project. */
  projectId(): Promise<string>;
  /** Headers for a request to a Google API. */
  headers(url: string): Promise<Readonly<Record<string, string>>>;
}

/** The environment's credentials for reading Monitoring over HTTP. */
export function googleCredentials(): GoogleCredentials {
  const auth = new GoogleAuth({ scopes: [scope] });
  return {
    projectId: () => auth.getProjectId(),
    headers: async (url) => Object.fromEntries(await auth.getRequestHeaders(url)),
  };
}
