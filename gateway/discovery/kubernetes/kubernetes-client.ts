/** What is used of the client library, in a module of its own so that it can be loaded late. */
export { CoreV1Api, CustomObjectsApi, KubeConfig, Watch } from '@kubernetes/client-node';
