#!/usr/bin/env node
import { commandList, commands } from './commands.ts';

const [name = '', ...argv] = process.argv.slice(2);
const command = commands.get(name);
const asks = name === '' || name === '--help' || name === '-h' || name === 'help';

if (command) {
  try {
    const { run } = await command.load();
    process.exitCode = await run(argv, calledAs(name));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
} else if (asks) {
  const help = `Commands around Backfill.\n\nUsage: ${calledAs('COMMAND')} …\n\n${commandList()}\nEach has its own --help.\n`;
  (name === '' ? process.stderr : process.stdout).write(help);
  if (name === '') process.exitCode = 2;
} else {
  process.stderr.write(`there is no command ${JSON.stringify(name)}; these exist:\n${commandList()}`);
  process.exitCode = 2;
}

/** npm tells a script by which name it was run. */
function calledAs(commandName: string): string {
  const script = process.env.npm_lifecycle_event;
  if (script === commandName) return `npm run ${script} --`;
  return script === 'backfill' ? `npm run backfill -- ${commandName}` : `backfill ${commandName}`;
}
