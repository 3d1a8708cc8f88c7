// The files of a folder of manifests as documents, each with the file it is of. A mistake in a file's own YAML is a problem
// of it: names that stand twice, too, of which an API server would take the last.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The YAML files of a folder, by name. `changed` has other texts for some of them. */
export function read(folder, changed = {}) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml')).sort();
  return names.map((name) => ({ name, text: changed[name] ?? readFileSync(join(folder, name), 'utf8') }));
}

/** The documents of these files, and what is wrong with the files as YAML. */
export function parse(yaml, files) {
  const documents = [];
  const problems = [];
  for (const { name, text } of files) {
    for (const document of yaml.parseAllDocuments(text, { uniqueKeys: true, version: '1.2' })) {
      for (const error of document.errors) problems.push({ file: name, text: error.message.split('\n')[0] });
      if (document.errors.length === 0) documents.push({ file: name, object: document.toJS() });
    }
  }
  return { documents, problems };
}

export const ofKind = (documents, kind) =>
  documents.map(({ object }) => object).filter((object) => object?.kind === kind);

export const namespaceOf = (object) => object.metadata?.namespace ?? 'default';
