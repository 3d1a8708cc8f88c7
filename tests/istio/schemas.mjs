// Manifests against the schemas of their kinds, as strictly as an API server takes them with fieldValidation=Strict.
//
// @kubernetes-models has the schemas of Istio's CRDs and of Kubernetes' own kinds in two forms: as validators, which know
// enumerations, patterns, bounds and what is required, and let unknown fields pass; and as types, by which the TypeScript
// compiler finds the unknown fields. Neither evaluates a CRD's rules in CEL: relations.mjs has those that could matter here.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `Secret` of v1 is in kubernetes-models, what is of a group of Istio's in the other package. */
function place(packages, object) {
  const { apiVersion, kind } = object ?? {};
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  const of = apiVersion.split('/')[0].endsWith('.istio.io') ? '@kubernetes-models/istio' : 'kubernetes-models';
  const path = join(packages, 'node_modules', of, ...apiVersion.split('/'), kind);
  return existsSync(`${path}.js`) ? { path, kind } : undefined;
}

/** What the schemas say against each of these documents, as { document, text }. */
export async function check(packages, documents) {
  const problems = [];
  const known = [];
  for (const document of documents) {
    const at = place(packages, document.object);
    if (!at) {
      const { apiVersion, kind } = document.object ?? {};
      problems.push({ document, text: `there is no kind ${kind} of ${apiVersion}` });
      continue;
    }
    known.push({ document, at });
    const model = (await import(pathToFileURL(`${at.path}.js`)))[at.kind];
    try {
      new model(whole(document.object)).validate();
    } catch (error) {
      problems.push({ document, text: error.message });
    }
  }
  return problems.concat(unknownFields(packages, known));
}

/** A patch for a Deployment has the parts that it changes; the rest is as the Deployment has it. */
function whole(object) {
  if (object.kind !== 'Deployment' || object.spec?.selector) return object;
  return { ...object, spec: { selector: {}, ...object.spec } };
}

/** One program of all documents, each a literal of the type of its kind. */
function unknownFields(packages, known) {
  const require = createRequire(join(packages, 'package.json'));
  const ts = require('typescript');
  const lines = [];
  known.forEach(({ document, at }, index) => {
    lines.push(`import type { I${at.kind} as T${index} } from ${JSON.stringify(at.path)};`);
    lines.push(`export const d${index}: T${index} = ${JSON.stringify(whole(document.object))};`);
  });
  const name = join(packages, 'documents.ts');
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const source = ts.createSourceFile(name, lines.join('\n'), ts.ScriptTarget.ES2022, true);
  const { getSourceFile, fileExists } = host;
  host.getSourceFile = (file, ...rest) => (file === name ? source : getSourceFile.call(host, file, ...rest));
  host.fileExists = (file) => file === name || fileExists.call(host, file);
  const program = ts.createProgram([name], options, host);
  return program.getSemanticDiagnostics(source).map((diagnostic) => {
    const line = source.getLineAndCharacterOfPosition(diagnostic.start).line;
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
    return { document: known[Math.floor(line / 2)].document, text: `${path(ts, source, diagnostic.start)}: ${text}` };
  });
}

/** The path of what stands at this place of a literal, `spec.rules[2].name`. */
function path(ts, source, position) {
  const steps = [];
  const walk = (node) => {
    if (ts.isPropertyAssignment(node)) steps.push(`.${node.name.text}`);
    if (ts.isArrayLiteralExpression(node)) {
      const index = node.elements.findIndex((element) => element.pos <= position && position < element.end);
      if (index >= 0) steps.push(`[${index}]`);
    }
    ts.forEachChild(node, (child) => {
      if (child.pos <= position && position < child.end) walk(child);
    });
  };
  walk(source);
  return steps.join('').replace(/^\./, '');
}
