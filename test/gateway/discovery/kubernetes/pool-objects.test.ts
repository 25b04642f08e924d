import { expect, test } from 'vitest';
import {
  addressesOf,
  type KubernetesObject,
  objectiveOf,
  poolSpecOf,
  selectorText,
} from '../../../../gateway/discovery/kubernetes/pool-objects.ts';
import { objectiveWith, podAt } from '../../../support/kubernetes-objects.ts';

const v1 = { selector: { matchLabels: { app: 'vllm' } }, targetPorts: [{ number: 8000 }, { number: 8001 }] };

test.each<[string, object, object | undefined]>([
  ['v1', v1, { matchLabels: { app: 'vllm' }, ports: [8000, 8001] }],
  [
    'v1alpha2',
    { selector: { app: 'vllm', tier: 'a' }, targetPortNumber: 8000 },
    { matchLabels: { app: 'vllm', tier: 'a' }, ports: [8000] },
  ],
  ['no port', { selector: v1.selector }, undefined],
  [
    'ports that are none',
    { ...v1, targetPorts: [{ number: 0 }, { number: 70_000 }, { number: '8000' }, null] },
    undefined,
  ],
  ['no labels: it would be every pod', { ...v1, selector: { matchLabels: {} } }, undefined],
  ['nothing', {}, undefined],
])('a pool: %s', (_, spec, expected) => {
  expect(poolSpecOf({ spec })).toEqual(expected);
});

test('labels as the API takes them', () => {
  expect(selectorText({ matchLabels: { app: 'vllm', 'a.b/c': 'd' }, ports: [1] })).toBe('app=vllm,a.b/c=d');
});

test.each<[string, KubernetesObject, readonly string[]]>([
  ['one that is ready', podAt('10.0.0.1'), ['http://10.0.0.1:8000', 'http://10.0.0.1:8001']],
  ['IPv6', podAt('fd00::1'), ['http://[fd00::1]:8000', 'http://[fd00::1]:8001']],
  ['one that is not ready', podAt('10.0.0.1', { ready: false }), []],
  ['one that goes down, though it is ready', podAt('10.0.0.1', { terminating: true }), []],
  ['one without an address', podAt(''), []],
  ['one without a status', {}, []],
])('a pod: %s', (_, pod, urls) => {
  expect(addressesOf([pod], poolSpecOf({ spec: v1 })!).map(({ url }) => url)).toEqual(urls);
});

test('the same pods in another order are the same addresses', () => {
  const pods = ['10.0.0.2', '10.0.0.1'].map((ip) => podAt(ip));
  const spec = poolSpecOf({ spec: v1 })!;
  expect(addressesOf(pods, spec)).toEqual(addressesOf(pods.toReversed(), spec));
});

test.each<[string, KubernetesObject, object | undefined]>([
  ['a priority', named('a', objectiveWith(-1)), { name: 'a', priority: -1 }],
  ['none is 0', named('a', { spec: { poolRef: { name: 'p' } } }), { name: 'a', priority: 0 }],
  [
    'a service level',
    named(
      'a',
      objectiveWith(5, {
        'backfill/ttft-ms': '800',
        'backfill/tpot-ms': '40',
        'backfill/miss-budget': '0.02',
        'backfill/ttl-seconds': '9',
      }),
    ),
    { name: 'a', priority: 5, ttftMs: 800, tpotMs: 40, missBudget: 0.02, ttlSeconds: 9 },
  ],
  [
    'one that is no number',
    named('a', objectiveWith(5, { 'backfill/ttft-ms': 'soon', 'backfill/miss-budget': '2' })),
    { name: 'a', priority: 5 },
  ],
  ['of another pool', named('a', objectiveWith(5, {}, 'other')), undefined],
  ['a name that no header can give', named('a b', objectiveWith(5)), undefined],
])('an objective: %s', (_, object, expected) => {
  expect(objectiveOf(object, 'p')).toEqual(expected);
});

function named(name: string, object: KubernetesObject): KubernetesObject {
  return { ...object, metadata: { ...(object.metadata as object), name } };
}
