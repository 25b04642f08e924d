import { isIPv6 } from 'node:net';
import type { EndpointAddress } from '../../endpoint/address.ts';

/** An object as the Kubernetes API gives it. Its fields are read with care: other versions have others. */
export type KubernetesObject = Readonly<Record<string, unknown>>;

/** What an InferencePool says: which pods, and on which ports each of them has a model server. */
export interface PoolSpec {
  /** Labels that a pod must have, all of them; at least one. */
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
}

/** An InferenceObjective of the pool. */
export interface PoolObjective {
  readonly name: string;
  readonly priority: number;
  readonly ttftMs?: number;
  readonly tpotMs?: number;
  readonly missBudget?: number;
  readonly ttlSeconds?: number;
}

/**
 * Reads the pool in both of its versions: `v1` has `selector.matchLabels` and `targetPorts`, `v1alpha2` a plain map and `targetPortNumber`.
 * Undefined where it names no pods or no port.
 */
export function poolSpecOf(pool: KubernetesObject): PoolSpec | undefined {
  const { selector, targetPorts, targetPortNumber } = objectIn(pool, 'spec');
  const matchLabels = textsIn(objectOf(objectOf(selector).matchLabels ?? selector));
  const listed = Array.isArray(targetPorts) ? targetPorts.map((each) => objectOf(each).number) : [targetPortNumber];
  const ports = listed.filter(isPort);
  return ports.length > 0 && Object.keys(matchLabels).length > 0 ? { matchLabels, ports } : undefined;
}

/** As the API takes it: `app=vllm,tier=a`. */
export function selectorText({ matchLabels }: PoolSpec): string {
  return Object.entries(matchLabels)
    .map(([name, value]) => `${name}=${value}`)
    .join();
}

/** The model servers of the pods that are ready and not on their way down, by address, so that the same pods give the same list. */
export function addressesOf(pods: Iterable<KubernetesObject>, { ports }: PoolSpec): readonly EndpointAddress[] {
  const addresses: EndpointAddress[] = [];
  for (const pod of pods) {
    const { podIP } = objectIn(pod, 'status');
    const { name } = objectIn(pod, 'metadata');
    if (typeof podIP !== 'string' || podIP === '' || !isServing(pod)) continue;
    const host = isIPv6(podIP) ? `[${podIP}]` : podIP;
    for (const port of ports) addresses.push({ url: `http://${host}:${port}`, labels: { pod: `${name}` } });
  }
  return addresses.sort((a, b) => (a.url < b.url ? -1 : 1));
}

function isServing(pod: KubernetesObject): boolean {
  const { conditions } = objectIn(pod, 'status');
  const { deletionTimestamp } = objectIn(pod, 'metadata');
  const isReady = (each: unknown): boolean => objectOf(each).type === 'Ready' && objectOf(each).status === 'True';
  return deletionTimestamp === undefined && Array.isArray(conditions) && conditions.some(isReady);
}

/** Of an objective: annotation → what it sets. The objects have a priority alone; the service level is ours. */
const annotations = {
  'backfill/ttft-ms': 'ttftMs',
  'backfill/tpot-ms': 'tpotMs',
  'backfill/miss-budget': 'missBudget',
  'backfill/ttl-seconds': 'ttlSeconds',
} as const;
/** As names of objectives are written in their file. */
const namePattern = /^[A-Za-z0-9._-]{1,128}$/;

/** An objective of this pool; undefined where it is another pool's, or has no name that a header can give. */
export function objectiveOf(object: KubernetesObject, poolName: string): PoolObjective | undefined {
  const { name, annotations: noted } = objectIn(object, 'metadata');
  const { priority, poolRef } = objectIn(object, 'spec');
  if (objectOf(poolRef).name !== poolName || typeof name !== 'string' || !namePattern.test(name)) return undefined;
  const slo: Record<string, number> = {};
  for (const [annotation, field] of Object.entries(annotations)) {
    const value = Number(objectOf(noted)[annotation]);
    if (value > 0 && Number.isFinite(value) && !(field === 'missBudget' && value > 1)) slo[field] = value;
  }
  return { name, priority: Number.isInteger(priority) ? (priority as number) : 0, ...slo };
}

function objectIn(object: KubernetesObject, field: string): KubernetesObject {
  return objectOf(object[field]);
}

function objectOf(value: unknown): KubernetesObject {
  return typeof value === 'object' && value !== null ? (value as KubernetesObject) : {};
}

function textsIn(object: KubernetesObject): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(object).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}
