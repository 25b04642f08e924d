import { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

/** The end of a pipe whose other end the stack holds; see `stdio` in child-processes.ts. */
const pipeFromParent = 3;

/**
 * Loaded by the stack before a service. The kernel closes the pipe however the stack ends, `kill -9` included, and this process follows
 * at once: nothing is left to drain for.
 */
if (isMainThread) {
  const parent = new Socket({ fd: pipeFromParent, readable: true, writable: false });
  parent.once('close', () => process.kill(process.pid, 'SIGKILL'));
  parent.on('error', () => {});
  parent.resume();
  parent.unref();
}
