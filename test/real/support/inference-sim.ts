import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';
import { startProgram } from '../../support/processes.ts';

/** Starts llm-d's simulator of vLLM with the model `m`, tokens of 10 ms, and these flags; its URL. Ended with the test file. */
export async function startInferenceSim(program: string, flags: readonly string[]): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const pace = ['--time-to-first-token', '50ms', '--inter-token-latency', '10ms'];
  const args = ['--port', `${port}`, '--model', 'm', ...pace, ...flags];
  await startProgram({ command: program, args, ready: /./ });
  const isHealthy = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(isHealthy, { what: 'llm-d’s simulator to be healthy' });
  return url;
}
