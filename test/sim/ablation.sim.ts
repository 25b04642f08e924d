import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer, text } from '../../shared/runtime/config/variables.ts';
import { judgedWorlds, printVariants } from './ablation/judged-worlds.ts';
import { mechanisms } from './ablation/mechanisms.ts';
import { print } from './report.ts';

/** `npm run sim -- ablation`: what each mechanism is worth. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- ablation',
      about: 'The deployed code without one mechanism after another, over worlds that others made.',
      flags: {
        seconds: integer('--seconds', { default: '600', min: 20, max: 3500, meaning: 'of each mix' }),
        seed: integer('--seed', { default: '1', min: 0, max: 100, meaning: 'of all that is drawn' }),
        only: text('--only', { meaning: 'mechanisms whose name holds this text' }),
      },
    },
    argv,
  );
  const { only = '' } = flags;
  print('The deployed code, and the same without one mechanism.');
  const variants = mechanisms
    .filter(({ name }) => name.includes(only))
    .map(({ name, patches }) => ({ name: `without: ${name}`, patches }));
  await printVariants([{ name: 'as it is', patches: [] }, ...variants], judgedWorlds(flags.seconds, flags.seed));
}
