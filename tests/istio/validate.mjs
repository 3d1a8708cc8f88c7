// `node validate.mjs FOLDER`: every manifest of istio/ is read, and held to the schemas of its kind, to the other manifests,
// to `postern check`, and to a real Envoy with the filter. Then each fault of faults.mjs is planted in a copy, and has
// to be found. $PACKAGES, $ENVOY, $POSTERN and $MODULE say what to do it with, $WORK is a folder for it, and
// $POSTERN_SIGNING_KEY is a key.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { FAULTS } from './faults.mjs';
import { parse, read } from './manifests.mjs';
import { PROXIES, envoyOf, override } from './proxies.mjs';
import { check as relations, pluginsOf } from './relations.mjs';
import { check as schemas } from './schemas.mjs';

const { PACKAGES, ENVOY, POSTERN, MODULE, WORK } = process.env;
const [folder] = process.argv.slice(2);
const yaml = createRequire(join(PACKAGES, 'package.json'))('yaml');
const envoy = yaml.parse(readFileSync(join(folder, '../envoy/envoy.yaml'), 'utf8'));
// Values for Helm, and no manifest.
const VALUES = ['mesh.yaml'];

/** What is said against these sets of files by reading them: a list for each set. */
async function readings(sets) {
  const parsed = sets.map((files) => parse(yaml, files));
  const problems = parsed.map(({ problems }) => [...problems]);
  const manifests = parsed.flatMap(({ documents }, set) =>
    documents.filter(({ file }) => !VALUES.includes(file)).map((document) => ({ ...document, set })),
  );
  const { unique, users } = once(manifests);
  for (const { document, text } of await schemas(PACKAGES, unique)) {
    for (const { set, file, object } of users.get(document)) {
      problems[set].push({ file, text: `${object?.kind} ${object?.metadata?.name}: ${text}` });
    }
  }
  parsed.forEach(({ documents }, set) => {
    // What is not of its schema may have nothing of what the others look for.
    if (problems[set].length === 0) problems[set].push(...relations(documents, envoy));
  });
  return { parsed, problems };
}

/** Each document once, however many sets have it. */
function once(manifests) {
  const users = new Map();
  const seen = new Map();
  for (const manifest of manifests) {
    const text = JSON.stringify([manifest.file, manifest.object]);
    if (!seen.has(text)) seen.set(text, manifest);
    const first = seen.get(text);
    users.set(first, [...(users.get(first) ?? []), manifest]);
  }
  return { unique: [...users.keys()], users };
}

/** What the command line says against a file. */
function checked(name, text) {
  const path = join(WORK, name);
  writeFileSync(path, text);
  const { status, stdout, stderr, error } = spawnSync(POSTERN, ['check', path], { encoding: 'utf8' });
  if (error) throw error;
  return status === 0 ? [] : [`${stdout}${stderr}`.replaceAll(`${WORK}/`, '').trim() || `postern check: ${status}`];
}

/** What Envoy says against the configuration of one of the proxies. */
function loaded(name, documents) {
  const authorities = join(WORK, 'authorities.json');
  const place = { module: MODULE, authorities, log: '/dev/null' };
  let bootstrap;
  try {
    bootstrap = envoyOf(name, documents, place);
  } catch (error) {
    return [error.message];
  }
  const path = join(WORK, `${name}.json`);
  writeFileSync(path, JSON.stringify(bootstrap, undefined, 1));
  const added = JSON.stringify(override(documents));
  const options = ['--mode', 'validate', '--log-level', 'warning', '--config-path', path, '--config-yaml', added];
  const { status, stdout, stderr, error } = spawnSync(ENVOY, options, { encoding: 'utf8' });
  if (error) throw error;
  return status === 0 ? [] : [`${stdout}${stderr}`.trim()];
}

const proxyWith = (file) => {
  const named = Object.entries(PROXIES).find(([, { brings }]) => brings === file);
  return named ? named[0] : 'gateway';
};

mkdirSync(WORK, { recursive: true });
writeFileSync(join(WORK, 'authorities.json'), JSON.stringify({
  resources: [{
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
    name: 'file-root:system',
    validation_context: { trusted_ca: { filename: '/etc/ssl/certs/ca-certificates.crt' } },
  }],
}));

const whole = read(folder);
const changed = FAULTS.map(([name, file, from, to]) => {
  const { text } = whole.find((one) => one.name === file);
  if (!text.includes(from)) throw new Error(`${name}: ${file} has no ${JSON.stringify(from)}`);
  return read(folder, { [file]: text.replace(from, () => to) });
});
// Istio looks for plugin.wasm in the last layer. The module's own path is checked by who builds the image.
const image = readFileSync(join(folder, 'Containerfile'), 'utf8').split('\n').filter((line) => !/^(#|$)/.test(line));
const recipe = ['FROM scratch', 'COPY target/wasm32-wasip1/release/postern.wasm ./plugin.wasm'];
if (image.join('\n') !== recipe.join('\n')) {
  console.log(`BAD istio/Containerfile\nhas to be ${recipe.join(', ')}`);
  process.exit(1);
}
console.log('ok  istio/Containerfile');

const { parsed: [{ documents }, ...copies], problems: [found, ...ofCopies] } = await readings([whole, ...changed]);

const plugins = new Set(pluginsOf(documents).map(({ file }) => file));
for (const { name, text } of whole) {
  if (plugins.has(name)) found.push(...checked(name, text).map((line) => ({ file: name, text: line })));
}
if (found.length === 0) {
  for (const [name, { brings }] of Object.entries(PROXIES)) {
    found.push(...loaded(name, documents).map((text) => ({ file: brings, text: `as Istio hands it over: ${text}` })));
  }
}
for (const { name } of whole) {
  const lines = found.filter(({ file }) => file === name);
  console.log(lines.length === 0 ? `ok  istio/${name}` : `BAD istio/${name}`);
  lines.forEach(({ text }) => console.log(text));
}
if (found.length > 0) process.exit(1);

const missed = FAULTS.flatMap(([name, file, , , by, says], index) => {
  const said = {
    read: () => ofCopies[index].map(({ file, text }) => `${file}: ${text}`),
    check: () => checked(file, changed[index].find((one) => one.name === file).text),
    envoy: () => loaded(proxyWith(file), copies[index].documents),
  }[by]();
  if (said.some((text) => text.includes(says))) return [];
  return [`${name} (${file}): ${by} did not say ${says}, but: ${said.join('; ') || 'nothing'}`];
});
missed.forEach((line) => console.log(line));
if (missed.length > 0) process.exit(1);
console.log(`ok  istio/validate finds each of ${FAULTS.length} planted faults`);
