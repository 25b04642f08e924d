/**
 * The library that makes certificates, in a module of its own so that it is loaded only where one is made: with it in the process V8's
 * scavenges keep every request until a full collection, which nearly doubles what a request costs.
 */
export { generate } from 'selfsigned';
