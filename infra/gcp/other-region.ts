import { type Gcloud, Refusal } from './gcloud.ts';
import type { Service } from './service.ts';
import type { Installation } from './settings.ts';

/**
 * @throws {Refusal} where the function of this name runs in another region: its subscriptions have the same names, and would push here from
 * then on.
 */
export async function refuseOtherRegion(gcloud: Gcloud, { service, region, name }: Installation): Promise<void> {
  const services = (await gcloud.read<Service[]>('run', 'services', 'list')) ?? [];
  const regions = services
    .filter(({ metadata }) => metadata.name === service)
    .map(({ metadata }) => metadata.labels?.['cloud.googleapis.com/location'] ?? 'an unknown region');
  const other = regions.find((found) => found !== region);
  if (other === undefined) return;
  throw new Refusal(
    `${service} runs in ${other}: take REGION=${other}, another NAME than ${name}, or remove that one first (infra/gcp/destroy.sh)`,
  );
}
