/** The REST mapping of a method: the path's name goes into the field `bind`, which may be one level deep. */
export interface RestRoute<Method extends string = string> {
  readonly verb: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: RegExp;
  readonly bind: string;
  readonly method: Method;
}

const project = /^\/v1\/(projects\/[^/]+)/.source;
const topic = /^\/v1\/(projects\/[^/]+\/topics\/[^/:]+)/.source;
const subscription = /^\/v1\/(projects\/[^/]+\/subscriptions\/[^/:]+)/.source;
const end = (prefix: string, rest = '') => new RegExp(`${prefix}${rest}$`);

/** Source: the google.api.http options of google/pubsub/v1/pubsub.proto */
export const restRoutes = [
  { verb: 'PUT', path: end(topic), bind: 'name', method: 'createTopic' },
  { verb: 'GET', path: end(topic), bind: 'topic', method: 'getTopic' },
  { verb: 'PATCH', path: end(topic), bind: 'topic.name', method: 'updateTopic' },
  { verb: 'DELETE', path: end(topic), bind: 'topic', method: 'deleteTopic' },
  { verb: 'GET', path: end(project, '/topics'), bind: 'project', method: 'listTopics' },
  { verb: 'GET', path: end(topic, '/subscriptions'), bind: 'topic', method: 'listTopicSubscriptions' },
  { verb: 'POST', path: end(topic, ':publish'), bind: 'topic', method: 'publish' },
  { verb: 'PUT', path: end(subscription), bind: 'name', method: 'createSubscription' },
  { verb: 'GET', path: end(subscription), bind: 'subscription', method: 'getSubscription' },
  { verb: 'PATCH', path: end(subscription), bind: 'subscription.name', method: 'updateSubscription' },
  { verb: 'DELETE', path: end(subscription), bind: 'subscription', method: 'deleteSubscription' },
  { verb: 'GET', path: end(project, '/subscriptions'), bind: 'project', method: 'listSubscriptions' },
  { verb: 'POST', path: end(subscription, ':modifyPushConfig'), bind: 'subscription', method: 'modifyPushConfig' },
  { verb: 'POST', path: end(subscription, ':pull'), bind: 'subscription', method: 'pull' },
  { verb: 'POST', path: end(subscription, ':acknowledge'), bind: 'subscription', method: 'acknowledge' },
  { verb: 'POST', path: end(subscription, ':modifyAckDeadline'), bind: 'subscription', method: 'modifyAckDeadline' },
] as const satisfies readonly RestRoute[];

/** A method that REST reaches. */
export type RestMethod = (typeof restRoutes)[number]['method'];

/** `path` is decoded and without its query. */
export function findRoute(
  verb: string,
  path: string,
): { readonly route: RestRoute<RestMethod>; readonly name: string } | undefined {
  for (const route of restRoutes) {
    const name = route.verb === verb ? route.path.exec(path)?.[1] : undefined;
    if (name !== undefined) return { route, name };
  }
  return undefined;
}
