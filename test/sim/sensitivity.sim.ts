import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer, text } from '../../shared/runtime/config/variables.ts';
import { judgedWorlds, printVariants } from './ablation/judged-worlds.ts';
import { parameters, scaled } from './ablation/parameters.ts';
import { print } from './report.ts';

/** `npm run sim -- sensitivity`: how much each parameter of the rules matters. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- sensitivity',
      about:
        'The deployed code with one parameter after another three times as large, and a third, over worlds that others made.',
      flags: {
        seconds: integer('--seconds', { default: '600', min: 20, max: 3500, meaning: 'of each mix' }),
        seed: integer('--seed', { default: '1', min: 0, max: 100, meaning: 'of all that is drawn' }),
        only: text('--only', { meaning: 'parameters whose name holds this text' }),
      },
    },
    argv,
  );
  const { only = '' } = flags;
  print('The deployed code, and the same with one parameter three times as large, and a third of it.');
  const variants = parameters
    .filter(({ name }) => name.includes(only))
    .flatMap((parameter) => [scaled(parameter, 3), scaled(parameter, 1 / 3)]);
  await printVariants([{ name: 'as it is', patches: [] }, ...variants], judgedWorlds(flags.seconds, flags.seed));
}
