import { durationMs } from './duration.ts';
import { resourceName } from './resource-names.ts';
import { applyMask, labelsField, refuseOthers, type Written } from './settings.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** A topic in the form of Google's REST API. */
export interface Topic {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Shown as it was set; without seek, which this server does not have, it changes nothing. */
  readonly messageRetentionDuration?: string;
  readonly state: 'ACTIVE';
}

/** @throws {Refusal} INVALID_ARGUMENT */
export function readTopic(written: Written): Topic {
  const name = resourceName('topics', written.name);
  refuseOthers('topic', written, ['name', 'labels', 'messageRetentionDuration', 'state']);
  const retention = written.messageRetentionDuration;
  if (retention) durationMs('messageRetentionDuration', retention, 10 * minuteMs, 31 * dayMs);
  return {
    name,
    labels: labelsField(written),
    ...(retention ? { messageRetentionDuration: retention as string } : {}),
    state: 'ACTIVE',
  };
}

/** @throws {Refusal} INVALID_ARGUMENT */
export function updateTopic(current: Topic, patch: Written, mask: readonly string[]): Topic {
  return readTopic(applyMask({ ...current }, patch, mask, ['labels', 'messageRetentionDuration']));
}
