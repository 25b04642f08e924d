/**
 * Which file may import which. A type-only import counts like any other: it, too, ties a room to what stands above it.
 * `npm run check` runs it; CONTRIBUTING.md says what each room is for.
 */

const services = '^(functions|gateway)/';
/** What both the router and its parts speak of. */
const gatewayWords = '^gateway/(request|refusal|slo|work-class)\\.ts$';
/** Whatever joins the gateway's parts: the service, its start, its settings. */
const gatewayTop = '^gateway/(gateway|main|config[^/]*)\\.ts$';
const router = '^gateway/(router|routed-request)\\.ts$';

/** Files that decide: they get time, chance and settings as arguments, and reach nothing outside the process. */
const rules = [
  '^gateway/(admit|queue|choose|endpoint)/',
  gatewayWords,
  router,
  '^shared/(openai|inference-gateway|pubsub)/',
  '^functions/processor/(message|dispatch)/',
  '^functions/processor/results/(dead-letter|outcome|result|result-cache|retry)\\.ts$',
];
/** Packages that only compute. */
const computing = ['lru-cache', 'zod'];

const room = (...names) => `^gateway/(${names.join('|')})/`;

/** A rule for one floor of the gateway: nothing in `from` imports anything of `above`. */
function floor(name, comment, from, above) {
  return { name, comment, severity: 'error', from: { path: from }, to: { path: above } };
}

export default {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Of two files that import each other, neither can be read, tested or moved without the other.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'services-apart',
      comment: 'The function and the gateway are deployed apart: what both need stands in shared/.',
      severity: 'error',
      from: { path: services },
      to: { path: services, pathNot: '^$1/' },
    },
    {
      name: 'shared-imports-shared',
      comment: 'What everything rests on rests on nothing of ours.',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: '^(functions|gateway|infra|test)/' },
    },
    {
      name: 'services-import-no-tool',
      comment: 'Simulators, tools and tests are not deployed.',
      severity: 'error',
      from: { path: services },
      to: { path: '^(infra|test)/' },
    },
    {
      name: 'infra-imports-shared',
      comment:
        'A simulator that shared code with the service would share its mistakes; a reference is printed from the definitions, and a deployment is checked by the function’s own reader.',
      severity: 'error',
      from: { path: '^infra/', pathNot: '^infra/(docs/|gcp/function-settings)' },
      to: { path: '^(functions|gateway|test)/' },
    },
    {
      name: 'deployment-imports-the-reader',
      comment:
        'What is deployed is checked by the reader of the configuration that will read it, and needs nothing else.',
      severity: 'error',
      from: { path: '^infra/gcp/function-settings' },
      to: {
        path: '^(functions|gateway|test)/',
        pathNot: '^functions/processor/(config|subscription-policies)[.]ts$',
      },
    },
    {
      name: 'docs-import-definitions',
      comment:
        'The references are printed from the definitions of settings, metrics and retries, and need nothing else.',
      severity: 'error',
      from: { path: '^infra/docs/' },
      to: {
        path: '^(functions|gateway|test)/',
        pathNot: [
          '^(functions/processor|gateway)/config\\.ts$',
          '^(functions/processor|gateway)/observe/metric(s|-definitions)\\.ts$',
          '^functions/processor/results/retry\\.ts$',
        ],
      },
    },
    {
      name: 'observe-only-looks',
      comment: 'Take observation away, and the gateway routes the same: only what joins the parts knows it.',
      severity: 'error',
      from: { path: '^gateway/', pathNot: [room('observe'), '^gateway/(gateway|main)\\.ts$'] },
      to: { path: room('observe') },
    },
    floor(
      'fronts-use-the-router',
      'A front moves bytes: it hands a request to the router and is told what became of it.',
      room('fronts'),
      [room('queue', 'choose', 'discovery'), gatewayTop],
    ),
    floor('router-holds-no-http', 'The simulation and the tests use the router without a socket.', router, [
      room('fronts', 'discovery'),
      gatewayTop,
    ]),
    floor(
      'stages-below-the-router',
      'The router joins admit, queue and choose; none of them calls another.',
      '^gateway/(admit|queue|choose)/',
      [room('fronts', 'discovery'), gatewayTop, router],
    ),
    {
      name: 'stages-apart',
      comment: 'The router joins admit, queue and choose; none of them calls another.',
      severity: 'error',
      from: { path: '^gateway/(admit|queue|choose)/' },
      to: { path: room('admit', 'queue', 'choose'), pathNot: '^gateway/$1/' },
    },
    floor(
      'endpoint-below-the-stages',
      'An endpoint is what is known of one model server, not what is done with it.',
      room('endpoint'),
      [room('admit', 'queue', 'choose', 'discovery', 'fronts'), gatewayTop, router],
    ),
    floor('discovery-feeds-the-pool', 'Discovery knows endpoints, not requests.', room('discovery'), [
      room('admit', 'queue', 'choose', 'fronts'),
      gatewayTop,
      router,
    ]),
    floor(
      'words-below-the-stages',
      'What a request is to the router names values of the stages, and knows neither what joins them nor what stands outside.',
      gatewayWords,
      [room('choose', 'discovery', 'fronts'), gatewayTop, router],
    ),
    {
      name: 'simulation-uses-the-router',
      comment:
        'The simulation is a front: of the parts that decide it may name types, and otherwise the policies, to choose one by its name.',
      severity: 'error',
      from: { path: '^test/sim/' },
      to: {
        path: room('admit', 'queue', 'choose', 'endpoint', 'discovery'),
        pathNot: '^gateway/choose/policies/policies\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'rules-touch-no-system',
      comment: 'A rule that reads a file, a socket or a clock of its own cannot be tested as a table, nor simulated.',
      severity: 'error',
      from: { path: rules },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'rules-use-no-io-package',
      comment: 'Only packages that compute and nothing else, each named in this file.',
      severity: 'error',
      from: { path: rules },
      to: { path: '^node_modules/', pathNot: computing.map((name) => `^node_modules/${name}/`) },
    },
    {
      name: 'deployed-packages-are-declared',
      comment: 'What a service imports is a dependency of ours, with its exact version.',
      severity: 'error',
      from: { path: '^(functions|gateway|shared)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'every-import-is-found',
      comment: 'A path that leads nowhere would pass every other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no programming interface yet; swc reads the syntax, type-only imports included.
    parser: 'swc',
    doNotFollow: { path: '^node_modules/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
