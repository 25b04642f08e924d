import type { Installation } from './settings.ts';

/** An alert policy of Cloud Monitoring, as its API has it. */
export type AlertPolicy = Readonly<Record<string, unknown>> & {
  readonly name?: string;
  readonly userLabels?: Readonly<Record<string, string>>;
  readonly notificationChannels?: readonly string[];
};

/** Closes an incident when its log line has not come for this long: thirty minutes are the least that Monitoring takes. */
const quietSeconds = 1800;

/** Alerts of the installation and of no other: which one each is says its label `backfill-alert`. */
export function alertPolicies(installation: Installation, oldestMessageSeconds: number): readonly AlertPolicy[] {
  const { name } = installation;
  const functionLog = `resource.type="cloud_run_revision" AND resource.labels.service_name="${installation.service}"`;
  const waiting = 'pubsub.googleapis.com/subscription/';
  const alert = (id: string, title: string, content: string, rest: Readonly<Record<string, unknown>>): AlertPolicy => ({
    displayName: `Backfill ${name}: ${title}`,
    documentation: { mimeType: 'text/markdown', content },
    userLabels: { backfill: name, 'backfill-alert': id },
    combiner: 'OR',
    ...rest,
  });
  return [
    alert(
      'breaker-open',
      'a breaker is open',
      'Five messages in a row could not be served, or a publish failed. Nothing is lost: messages wait, and a probe at most every 30 s closes the breaker by itself. The function logs it every minute while it lasts. `scope` is the path or the topic. Look at the Inference Gateway, its objective and its credentials first.',
      matchedLog(`${functionLog} AND jsonPayload.event="breaker" AND jsonPayload.outcome="open"`, ['pool', 'scope']),
    ),
    alert(
      'gate-unknown',
      'the load of a pool has been unknown for five minutes',
      'No capacity source has data, so that one call at a time goes out. The function\'s log says why at `event="capacity_source"`. Are the metrics collected, and do INFERENCE_POOL, GKE_CLUSTER and GKE_NAMESPACE match?',
      matchedLog(
        `${functionLog} AND jsonPayload.event="gate" AND jsonPayload.outcome="unknown" AND jsonPayload.lastedSeconds>=300`,
        ['pool'],
      ),
    ),
    alert(
      'oldest-message',
      'the oldest request has waited for half of its time',
      'Requests expire at their deadline, after DEFAULT_DEADLINE_SECONDS where they name none. Real-time leaves too little room: more accelerators, later deadlines, or fewer requests.',
      threshold(`${waiting}oldest_unacked_message_age`, [`${name}-requests`, `${name}-retries`], oldestMessageSeconds),
    ),
    alert(
      'dead-letters',
      'dead letters wait',
      'Messages that could not be understood or used up their attempts. `error_code` and `failure_reason` among their attributes say why; published to the request topic again with their attributes, they are tried anew.',
      threshold(`${waiting}num_undelivered_messages`, [`${name}-dead-letters`], 0),
    ),
  ];
}

function matchedLog(filter: string, labels: readonly string[]) {
  const labelExtractors = Object.fromEntries(labels.map((label) => [label, `EXTRACT(jsonPayload.${label})`]));
  return {
    conditions: [{ displayName: 'the function logged it', conditionMatchedLog: { filter, labelExtractors } }],
    // A line comes every minute: one notification an hour for as long as it lasts.
    alertStrategy: { notificationRateLimit: { period: '3600s' }, autoClose: `${quietSeconds}s` },
  };
}

function threshold(metric: string, subscriptions: readonly string[], thresholdValue: number) {
  const ids = subscriptions.map((id) => `"${id}"`).join(', ');
  const filter = `resource.type="pubsub_subscription" AND metric.type="${metric}" AND resource.labels.subscription_id=one_of(${ids})`;
  const conditionThreshold = {
    filter,
    aggregations: [{ alignmentPeriod: '300s', perSeriesAligner: 'ALIGN_MAX' }],
    comparison: 'COMPARISON_GT',
    thresholdValue,
    duration: '0s',
  };
  return {
    conditions: [{ displayName: `above ${thresholdValue}`, conditionThreshold }],
    alertStrategy: { autoClose: '86400s' },
  };
}

/**
 * Whether all of `wanted` is in `actual`, which may have more. Google leaves out zeros and empty texts.
 */
export function contains(actual: unknown, wanted: unknown): boolean {
  if (wanted === 0 || wanted === '' || wanted === '0s') return actual === undefined || actual === wanted;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) &&
      actual.length === wanted.length &&
      wanted.every((item, index) => contains(actual[index], item))
    );
  }
  if (typeof wanted !== 'object' || wanted === null) return actual === wanted;
  const fields = (actual ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, value]) => contains(fields[name], value));
}
