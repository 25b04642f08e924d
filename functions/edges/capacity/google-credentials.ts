import type { GoogleAuth } from 'google-auth-library';

const scope = 'https://www.googleapis.com/auth/monitoring.read';

export interface GoogleCredentials {
  /** @throws {Error} when the environment names no project. */
  projectId(): Promise<string>;
  /** Headers for a request to a Google API. */
  headers(url: string): Promise<Readonly<Record<string, string>>>;
}

/** The environment's credentials for reading Monitoring over HTTP; the library is loaded with the first question. */
export function googleCredentials(): GoogleCredentials {
  let loading: Promise<GoogleAuth> | undefined;
  const auth = (): Promise<GoogleAuth> => {
    loading ??= import('google-auth-library').then(({ GoogleAuth }) => new GoogleAuth({ scopes: [scope] }));
    return loading;
  };
  return {
    projectId: async () => (await auth()).getProjectId(),
    headers: async (url) => Object.fromEntries(await (await auth()).getRequestHeaders(url)),
  };
}
