/**
 * The house, as rules: imports point down only, and each outside package enters through its rooms. Run by scripts/test;
 * test/house/imports.test.ts plants one violation of each kind and expects it to be found.
 */

const mathematics = ['base', 'wire', 'oprf', 'fleet', 'log'];
const protocol = [...mathematics, 'trust', 'vault', 'quorum'];
const edges = ['token', 'store', 'web', 'backup', 'files', 'custody', 'release'];
/** What each room may import of src. A room that is not named here may not exist. */
const mayImport = {
  base: [],
  wire: ['base'],
  oprf: ['base', 'wire'],
  fleet: ['base', 'wire'],
  log: ['base'],
  trust: ['base', 'wire', 'fleet', 'log'],
  vault: mathematics,
  quorum: [...mathematics, 'vault'],
  api: protocol,
  token: protocol,
  store: [...protocol, 'api'],
  web: [...protocol, 'api'],
  backup: protocol,
  files: protocol,
  custody: [...protocol, 'files'],
  release: ['base', 'log'],
  node: [...protocol, 'api', ...edges],
  client: [...protocol, 'api'],
  ceremony: [...protocol, 'api', ...edges],
  accounts: [...protocol, 'api', ...edges],
  witness: [...protocol, 'api', ...edges],
  operator: [...protocol, 'api', ...edges],
  audit: [...protocol, 'api'],
  device: [...protocol, 'api', 'backup', 'client'],
  pages: [...protocol, 'api', 'audit'],
  cli: [...protocol, 'api', ...edges, 'node', 'client', 'ceremony', 'accounts', 'witness', 'operator', 'audit', 'device'],
};

/** Which rooms may import an outside package. One that is not named here is free outside browser code. */
const rooms = {
  pkcs11js: ['token'],
  'graphene-pk11': ['token'],
  express: ['web'],
  cors: ['web'],
  helmet: ['web'],
  'express-rate-limit': ['web'],
  'pino-http': ['web'],
  '@noble': ['base', 'wire', 'oprf', 'vault', 'fleet', 'log', 'trust'],
  jose: ['web', 'accounts'],
  commander: ['cli'],
  '@tufjs': ['trust'],
  'age-encryption': ['backup', 'custody'],
  aws4fetch: ['backup'],
  'tar-stream': ['backup', 'release'],
  'shamir-secret-sharing': ['custody'],
  '@scure/bip39': ['ceremony'],
};

/** Runs in browsers too, so nothing of Node; the files under src/client/node are the client's edge to it. */
const browser = { path: '^src/(base|wire|oprf|fleet|log|trust|vault|quorum|api|client|audit|pages)/', pathNot: '^src/client/node/' };
const nodeOnlyPackages = ['undici', 'pino', 'prom-client', 'tar-stream'];

const inRooms = (names) => (names.length === 0 ? '^$' : `^src/(${names.join('|')})/`);
const inPackages = (names) => `(^|node_modules/)(${names.join('|')})(/|$)`;

const directions = Object.entries(mayImport).map(([room, lower]) => ({
  name: `down-only-${room}`,
  comment: `src/${room} may import ${lower.length === 0 ? 'nothing of src' : lower.join(', ')}`,
  severity: 'error',
  from: { path: inRooms([room]) },
  to: { path: '^src/', pathNot: inRooms([room, ...lower]) },
}));

const doors = Object.entries(rooms).map(([name, through]) => ({
  name: `one-door-${name.replace('@', '')}`,
  comment: `${name} enters through ${through.join(', ')}`,
  severity: 'error',
  from: { path: '^src/', pathNot: inRooms(through) },
  to: { path: `(^|node_modules/)${name}(/|$)`, pathNot: '^src/' },
}));

export default {
  forbidden: [
    ...directions,
    ...doors,
    {
      name: 'one-door-sqlite',
      comment: 'node:sqlite enters through store',
      severity: 'error',
      from: { path: '^src/', pathNot: inRooms(['store']) },
      to: { path: '^(node:)?sqlite$' },
    },
    {
      name: 'known-room',
      comment: 'every file of src is in a room of the house',
      severity: 'error',
      from: { path: '^src/', pathNot: inRooms(Object.keys(mayImport)) },
      to: {},
    },
    {
      name: 'browser-no-node',
      comment: 'this code runs in browsers: what needs Node goes to src/client/node or a higher room',
      severity: 'error',
      from: browser,
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browser-no-node-package',
      comment: 'this package needs Node',
      severity: 'error',
      from: browser,
      to: { path: inPackages(nodeOnlyPackages), pathNot: '^src/' },
    },
    {
      name: 'browser-no-client-node',
      comment: 'the client works without its edge to Node',
      severity: 'error',
      from: browser,
      to: { path: '^src/client/node/' },
    },
    {
      name: 'launcher-alone',
      comment: 'the launcher is installed without packages and read in one sitting: Node, and a few files of its room',
      severity: 'error',
      from: { path: '^src/release/(launch|check|ground|tree|note|manifest)[.]ts$' },
      to: { pathNot: '^src/release/(check|ground|tree|note|manifest)[.]ts$|^src/base/errors[.]ts$', dependencyTypesNot: ['core'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolves', comment: 'no such file or package', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'declared',
      comment: 'src imports what "dependencies" of package.json names',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
    {
      name: 'src-alone',
      comment: 'src does not know its tests or scripts',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts)/' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
