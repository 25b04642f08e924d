import { type CommandResult, Refusal } from './gcloud.ts';

interface Item {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly targetRef?: { readonly kind?: string; readonly name?: string };
    readonly default?: { readonly timeoutSec?: number };
  };
  readonly status?: { readonly addresses?: readonly { readonly value?: string }[] };
}

/** What the check of the load balancer's timeout needs. */
export interface BackendPolicyInputs {
  readonly gatewayUrls: readonly string[];
  /** Longest call of the function. */
  readonly requestTimeoutMs: number;
  readonly kubectl: (args: readonly string[]) => Promise<CommandResult>;
}

/** Google's load balancer ends an answer after this time where no policy says otherwise. */
const defaultTimeoutSeconds = 30;

/**
 * Before a GKE Gateway a call lasts as long as a GCPBackendPolicy of its InferencePool allows. A URL is a GKE Gateway's where the cluster has a
 * Gateway with that address; our own gateway stands behind a load balancer without a timeout.
 * @returns what could not be checked, undefined where all is well.
 * @throws {Refusal} where calls would be cut.
 */
export async function checkBackendTimeout({
  gatewayUrls,
  requestTimeoutMs,
  kubectl,
}: BackendPolicyInputs): Promise<string | undefined> {
  const neededSeconds = Math.ceil(requestTimeoutMs / 1000);
  const unchecked = (why: string): string =>
    `not checked, since ${why}: before a GKE Gateway, its pool needs a GCPBackendPolicy with timeoutSec of ${neededSeconds} or more (infra/kubernetes/backend-policy.yaml), or each call ends after ${defaultTimeoutSeconds} s`;
  const gateways = await listed(kubectl, 'gateways.gateway.networking.k8s.io');
  if (typeof gateways === 'string') return unchecked(gateways);
  const hosts = gatewayUrls.map((url) => new URL(url).hostname);
  const gateway = gateways.find(({ status }) => status?.addresses?.some(({ value = '' }) => hosts.includes(value)));
  if (!gateway) return undefined;
  const policies = await listed(kubectl, 'gcpbackendpolicies.networking.gke.io');
  if (typeof policies === 'string') return unchecked(policies);
  const isEnough = policies.some(
    ({ spec }) =>
      spec?.targetRef?.kind === 'InferencePool' && (spec.default?.timeoutSec ?? defaultTimeoutSeconds) >= neededSeconds,
  );
  if (isEnough) return undefined;
  throw new Refusal(
    `the Gateway ${gateway.metadata.name} ends each call after ${defaultTimeoutSeconds} s: no GCPBackendPolicy of an InferencePool has a timeoutSec of ${neededSeconds} (REQUEST_TIMEOUT_SECONDS) or more. Edit and apply infra/kubernetes/backend-policy.yaml`,
  );
}

/** The items, or why there is no list. A cluster without the kind has none of it. */
async function listed(kubectl: BackendPolicyInputs['kubectl'], kind: string): Promise<readonly Item[] | string> {
  const { status, stdout, stderr } = await kubectl([
    'get',
    kind,
    '--all-namespaces',
    '--output',
    'json',
    '--request-timeout',
    '10s',
  ]);
  if (status === 0) return (JSON.parse(stdout) as { items: Item[] }).items;
  if (/doesn't have a resource type/.test(stderr)) return [];
  return status === 127
    ? 'kubectl is not installed'
    : `kubectl does not reach the cluster (${stderr.trim().split('\n').at(-1)})`;
}
