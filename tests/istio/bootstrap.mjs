// `node bootstrap.mjs FOLDER PROXY PLACE` prints the bootstrap of an Envoy that the manifests of this folder are for, see
// proxies.mjs; PLACE is an object, as JSON. $PACKAGES is what tests/fetch-istio printed.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse, read } from './manifests.mjs';
import { envoyOf } from './proxies.mjs';

const [folder, proxy, place] = process.argv.slice(2);
const yaml = createRequire(join(process.env.PACKAGES, 'package.json'))('yaml');
const { documents, problems } = parse(yaml, read(folder));
if (problems.length > 0) throw new Error(JSON.stringify(problems));
console.log(JSON.stringify(envoyOf(proxy, documents, { ...JSON.parse(place), withOverride: true })));
