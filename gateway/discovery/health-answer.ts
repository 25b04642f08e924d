/** What `GET /health` says; `untold` where the server has no such page. */
export type HealthAnswer = 'healthy' | 'failing' | 'untold';

/** `status` is undefined where no answer came in time. */
export function healthOf(status: number | undefined): HealthAnswer {
  if (status === undefined) return 'failing';
  if (status >= 200 && status < 300) return 'healthy';
  return status >= 500 && status !== 501 ? 'failing' : 'untold';
}
