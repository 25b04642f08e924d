import {
  type Environment,
  type Rule,
  readConfig,
  type Schema,
  type Values,
} from '../../shared/runtime/config/read-config.ts';
import { baseUrl, custom, integer, type Parsed } from '../../shared/runtime/config/variables.ts';

/** What names an installation. Several stand in one project beside each other, each with a NAME of its own. */
export const installationSchema = {
  project: pattern('PROJECT', /^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'the id of a Google Cloud project', {
    required: true,
    meaning: 'Google Cloud project',
  }),
  region: pattern('REGION', /^[a-z]+-[a-z]+\d+$/, 'a region like europe-west4', {
    required: true,
    meaning: 'region of the cluster and the function',
  }),
  // The longest name made of it is an account's, NAME-function: Google allows 30 characters.
  name: pattern(
    'NAME',
    /^(?!goog)[a-z]([a-z0-9-]{0,19}[a-z0-9])?$/,
    'at most 21 lower-case letters, digits and hyphens, a letter first',
    { default: 'backfill', meaning: 'prefix and label of everything that is created' },
  ),
} as const;

/** What the function is deployed with, beside the installation. */
export const deploymentSchema = {
  functionEnv: custom(
    'FUNCTION_ENV',
    {
      meaning:
        "more of the function's variables (docs/configuration.md), one NAME=value a line; they win over those that are set here",
    },
    readLines,
  ),
  secrets: custom(
    'FUNCTION_SECRETS',
    { meaning: 'files from Secret Manager, a comma list PATH=SECRET:VERSION, each in a folder of its own' },
    readSecrets,
  ),
  gatewayUrl: baseUrl('INFERENCE_GATEWAY_URL', {
    required: true,
    meaning: 'base URL of the Inference Gateway inside the VPC',
  }),
  network: network('NETWORK'),
  subnet: network('SUBNET'),
  maxInstances: integer('MAX_INSTANCES', { default: '20', min: 1, meaning: 'most instances of the function' }),
  channels: custom(
    'NOTIFICATION_CHANNELS',
    { meaning: 'whom alerts tell: a comma list of projects/PROJECT/notificationChannels/ID; absent: as it is' },
    (raw) => {
      const channels = raw.split(',');
      return channels.every((channel) => /^projects\/[^/\s]+\/notificationChannels\/\d+$/.test(channel))
        ? { value: channels as readonly string[] }
        : { fault: 'must be a comma list of projects/PROJECT/notificationChannels/ID' };
    },
  ),
} as const;

/** The variables of an installation, as they were read. */
export type InstallationSettings = Values<typeof installationSchema>;
/** The variables of a deployment, as they were read. */
export type DeploymentSettings = Values<typeof deploymentSchema>;

/** Of `FUNCTION_ENV`: the variables, and the numbers of lines that are none. */
export interface FunctionLines {
  readonly variables: Readonly<Record<string, string>>;
  readonly wrong: readonly number[];
}

/** A file that the function finds at `path`. */
export interface SecretFile {
  readonly path: string;
  readonly secret: string;
  readonly version: string;
}

/** Faults that lie in several variables together. */
export const deploymentRules: readonly Rule<Pick<typeof deploymentSchema, 'functionEnv' | 'secrets'>>[] = [
  {
    needs: ['functionEnv'],
    fault: ({ functionEnv: { wrong = [] } = {} }) =>
      wrong.length === 0
        ? undefined
        : `FUNCTION_ENV must have NAME=value on each line, which line ${wrong.join(', ')} has not`,
  },
  {
    needs: ['secrets'],
    fault: ({ secrets = [] }) => {
      const folders = secrets.map(({ path }) => path.replace(/\/[^/]*$/, ''));
      const shared = folders.find((folder, index) => folders.indexOf(folder) !== index);
      return shared === undefined
        ? undefined
        : `FUNCTION_SECRETS must have each file in a folder of its own: ${shared} has two`;
    },
  },
];

/**
 * An installation's names. Its resources carry the label `backfill=NAME`; accounts, which have no labels, carry it as their description.
 */
export class Installation {
  readonly project: string;
  readonly region: string;
  readonly name: string;

  constructor({ project, region, name }: InstallationSettings) {
    this.project = project;
    this.region = region;
    this.name = name;
  }

  get mark(): string {
    return `backfill=${this.name}`;
  }

  /** The Cloud Run service. */
  get service(): string {
    return `${this.name}-function`;
  }

  /** Where sources of builds are uploaded. */
  get bucket(): string {
    return `gs://${this.project.replace(/[.:]/g, '-')}-${this.name}-builds`;
  }

  email(account: Account): string {
    const [id, domain] = this.project.split(':').reverse();
    return `${this.name}-${account}@${id}${domain === undefined ? '' : `.${domain}`}.iam.gserviceaccount.com`;
  }

  topic(kind: (typeof topicKinds)[number]): string {
    return `${this.name}-${kind}`;
  }

  isMarked(labels: Readonly<Record<string, string>> | undefined): boolean {
    return labels?.backfill === this.name;
  }
}

/** `function` runs it, `push` calls it, `build` builds its image, `deploy` deploys it, `test` runs the tests. */
export const accounts = ['function', 'push', 'build', 'deploy', 'test'] as const;
/** One of them. */
export type Account = (typeof accounts)[number];

/** The topics of an installation. */
export const topicKinds = ['requests', 'urgent', 'retries', 'results', 'dead-letters'] as const;
/** Subscriptions of the same names: these push to the function, the others wait for their readers. */
export const pushedKinds = ['requests', 'urgent', 'retries'] as const;

/** What `--help` prints of variables. */
export function variablesText(schema: Schema): string {
  return Object.values(schema)
    .map(({ name, meaning, required, default: byDefault }) => {
      const absent = required ? 'required' : `default: ${byDefault ?? 'none'}`;
      return `  ${name.padEnd(24)} ${meaning} (${absent})\n`;
    })
    .join('');
}

/** @throws {ConfigError} naming every fault. */
export function readInstallation(env: Environment): Installation {
  return new Installation(readConfig(installationSchema, env));
}

function pattern<const O extends { meaning: string; required?: true; default?: string }>(
  name: string,
  wanted: RegExp,
  text: string,
  options: O,
) {
  return custom<string, O>(name, options, (raw) => (wanted.test(raw) ? { value: raw } : { fault: `must be ${text}` }));
}

function network(name: 'NETWORK' | 'SUBNET') {
  const wanted = /^(projects\/[^/\s]+\/(global|regions\/[^/\s]+)\/(networks|subnetworks)\/)?[a-z][-a-z0-9]{0,62}$/;
  return pattern(name, wanted, 'the name of a network, or projects/P/… of a shared one', {
    default: 'default',
    meaning: `${name === 'NETWORK' ? 'VPC' : 'subnet of it'} through which the function reaches the gateway`,
  });
}

/** Of two lines for one name the last counts. A line that is none is found by a rule, since a fault here would show all values. */
function readLines(raw: string): Parsed<FunctionLines> {
  const lines = raw.split('\n');
  const isLine = (line: string): boolean => /^[A-Za-z_]\w*=/.test(line);
  const variables = lines.filter(isLine).map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  });
  const wrong = lines.flatMap((line, index) => (line.trim() === '' || isLine(line) ? [] : [index + 1]));
  return { value: { variables: Object.fromEntries(variables), wrong } };
}

function readSecrets(raw: string): Parsed<readonly SecretFile[]> {
  const files = raw.split(',').map((item) => /^(\/[^=:,]+\/[^=:,/]+)=([\w-]+):(latest|\d+)$/.exec(item.trim()));
  return files.includes(null)
    ? { fault: 'must be a comma list PATH=SECRET:VERSION, like /secrets/key/value=gateway-key:latest' }
    : { value: files.map((file) => ({ path: file![1]!, secret: file![2]!, version: file![3]! })) };
}
