import { beforeAll, describe, test } from 'vitest';
import { startProcess } from '../support/processes.ts';
import { checkShape } from '../support/vllm-shapes/check-shape.ts';
import { shapeGroups } from '../support/vllm-shapes/groups.ts';

const server = { model: 'm', maxModelTokens: 8192 };
const flags = ['--port', '0', '--speed', '20', '--model', server.model, '--profile', 'a100-80g-llama3-8b-tp1'];

describe.each(shapeGroups)('the simulated model server answers as vLLM: $name', (group) => {
  let url = '';
  beforeAll(async () => {
    ({ url } = await startProcess('infra/local/model-server/main.ts', [...flags, ...group.flags]));
  });

  test.each(group.shapes(server))('$name', (shape) => checkShape(url, shape));
});
