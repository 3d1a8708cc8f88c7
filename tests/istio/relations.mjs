// What has to fit between the manifests, and what no schema says: names that mean something in another file, and settings
// that the filter relies on. Each check gives back lines; the file that they are about is named first.
import { tlsOf } from './istiod.mjs';
import { namespaceOf, ofKind } from './manifests.mjs';

/** The plugins of these manifests, whichever kind brings them. */
export function pluginsOf(documents) {
  return documents.flatMap(({ file, object }) => {
    const namespace = namespaceOf(object);
    if (object.kind === 'WasmPlugin') {
      const { pluginConfig: config = {}, vmConfig, url, sha256, failStrategy } = object.spec;
      const env = (vmConfig?.env ?? []).filter(({ valueFrom }) => valueFrom === 'HOST').map(({ name }) => name);
      return [{ file, namespace, config, env, url, sha256, failure: failStrategy }];
    }
    if (object.kind !== 'EnvoyFilter') return [];
    const added = object.spec.configPatches.filter(({ applyTo }) => applyTo === 'EXTENSION_CONFIG');
    return added.map(({ patch }) => {
      const { config } = patch.value.typed_config;
      const { remote } = config.vm_config.code;
      const env = config.vm_config.environment_variables?.host_env_keys ?? [];
      const image = { url: remote.http_uri.uri, sha256: remote.sha256 };
      return { file, namespace, config: config.configuration.value, env, ...image, failure: config.failure_policy };
    });
  });
}

/** `envoy` is ../envoy/envoy.yaml, which says some things that have to be the same here. */
export function check(documents, envoy) {
  const plugins = pluginsOf(documents);
  const lines = [celRules, issuers, keys, routeNames, rulesOfRoutes, workloads, logs, bootstraps].flatMap((rule) =>
    rule(documents, plugins),
  );
  for (const { file, failure } of plugins) {
    if (failure !== 'FAIL_RELOAD') lines.push([file, `the filter has to start anew after a crash, and not ${failure}`]);
  }
  lines.push(...sameAsEnvoy(documents, envoy));
  const images = new Set(plugins.map(({ url, sha256 }) => `${url} ${sha256}`));
  if (images.size > 1) lines.push([plugins[0].file, `not all name the same image: ${[...images].join(', ')}`]);
  return lines.map(([file, text]) => ({ file, text }));
}

/** The rules of the CRDs that are written in CEL and are about fields that are used here. */
function celRules(documents) {
  return documents.flatMap(({ file, object }) => {
    const lines = [];
    const { kind, spec } = object;
    if (['WasmPlugin', 'Telemetry'].includes(kind)) {
      if (spec.selector && spec.targetRefs) lines.push([file, 'only one of targetRefs or selector can be set']);
    }
    if (kind === 'WasmPlugin') {
      const [, scheme] = /^([a-z]+):\/\//.exec(spec.url) ?? [];
      if (scheme && !['http', 'https', 'file', 'oci'].includes(scheme)) {
        lines.push([file, `spec.url: ${spec.url} is none of http, https, file, oci`]);
      }
      for (const { name, value, valueFrom } of spec.vmConfig?.env ?? []) {
        if (valueFrom === 'HOST' && value !== undefined) lines.push([file, `env ${name}: HOST has no value`]);
      }
    }
    for (const { number, targetPort = 1 } of (kind === 'ServiceEntry' && spec.ports) || []) {
      const port = [number, targetPort].find((port) => port < 1 || port > 65535);
      if (port !== undefined) lines.push([file, `spec.ports: ${port} is no number of a port`]);
    }
    return lines;
  });
}

/** Each cluster is one of a ServiceEntry that this namespace sees, and checks who is at the other end. */
function issuers(documents, plugins) {
  return plugins.flatMap(({ file, namespace, config }) =>
    (config.issuers ?? []).filter(({ jwks }) => jwks?.cluster).flatMap(({ issuer, jwks }) => {
      const about = (text) => [[file, `issuer ${issuer}: ${text}`]];
      const [, port, subset, host] = /^outbound\|(\d+)\|([^|]*)\|([^|]+)$/.exec(jwks.cluster) ?? [];
      if (!host) return about(`${jwks.cluster} is not how Istio calls a cluster`);
      if (subset) return about(`${jwks.cluster} names a subset, and there is none`);
      const from = URL.canParse(issuer) && new URL(jwks.uri ?? issuer).hostname;
      if (from !== host) return about(`its keys are at ${from}, and the cluster leads to ${host}`);
      const entries = ofKind(documents, 'ServiceEntry').filter((entry) => namespaceOf(entry) === namespace);
      const entry = entries.find(({ spec }) => spec.hosts.includes(host));
      const found = entry?.spec.ports.find(({ number }) => number === Number(port));
      if (!found) return about(`no ServiceEntry of ${namespace} has ${host} with port ${port}`);
      if (found.protocol !== 'HTTP') return about(`port ${port} of ${host} is ${found.protocol}, and the filter sends HTTP`);
      const tls = tlsOf(documents, namespace, host, Number(port));
      if (tls?.mode !== 'SIMPLE' || tls.insecureSkipVerify) return about(`the cluster makes no TLS that checks ${host}`);
      if (tls.sni !== host) return about(`the cluster asks for ${tls.sni}`);
      return tls.subjectAltNames?.includes(host) ? [] : about(`the cluster takes a certificate of any name`);
    }),
  );
}

/** Keys come from the environment, and the environment has them from a Secret. */
function keys(documents, plugins) {
  const containers = documents.flatMap(({ object }) =>
    object.kind === 'Deployment' ? object.spec.template.spec.containers : [],
  );
  const variables = containers.filter(({ name }) => name === 'istio-proxy').flatMap(({ env }) => env ?? []);
  const secrets = ofKind(documents, 'Secret');
  return plugins.flatMap(({ file, config, env }) =>
    (config.reissue?.keys ?? []).flatMap(({ env: name }) => {
      if (!env.includes(name)) return [[file, `the filter is not given the variable ${name}`]];
      const from = variables.find((variable) => variable.name === name)?.valueFrom?.secretKeyRef;
      if (!from) return [['gateway-env.yaml', `the proxy has no ${name} from a Secret`]];
      const secret = secrets.find(({ metadata }) => metadata.name === from.name);
      if (secret?.stringData?.[from.key] === undefined) return [['signing-key.yaml', `no Secret ${from.name} with ${from.key}`]];
      return secret.stringData[from.key].includes('BEGIN') ? [['signing-key.yaml', 'a key has no place here']] : [];
    }),
  );
}

/** Routes that rules and patches name are there. */
function routeNames(documents, plugins) {
  const names = new Set(
    ofKind(documents, 'VirtualService').flatMap(({ spec }) =>
      spec.http.flatMap(({ name, match = [{}] }) => match.map((one) => (one.name ? `${name}.${one.name}` : name))),
    ),
  );
  const ofRules = plugins.flatMap(({ file, config }) =>
    (config.rules ?? []).filter(({ match }) => match?.route).map(({ match }) => [file, match.route]),
  );
  const ofPatches = documents
    .filter(({ object }) => object.kind === 'EnvoyFilter')
    .flatMap(({ file, object }) =>
      object.spec.configPatches
        .filter(({ applyTo }) => applyTo === 'HTTP_ROUTE')
        .map(({ match }) => [file, match.routeConfiguration.vhost.route.name]),
    );
  const missing = [...ofRules, ...ofPatches].filter(([, name]) => !names.has(name));
  return missing.map(([file, name]) => [file, `no VirtualService has a route ${name}`]);
}

/** Rules that routes ask for by their name are in every plugin that could be asked. */
function rulesOfRoutes(documents, plugins) {
  return documents.flatMap(({ file, object }) => {
    if (object.kind !== 'EnvoyFilter') return [];
    const values = object.spec.configPatches.map(({ patch }) => patch.value.metadata?.filter_metadata?.postern?.rule);
    const here = plugins.filter(({ namespace }) => namespace === namespaceOf(object));
    return values.filter(Boolean).flatMap((rule) =>
      here
        .filter(({ config }) => !config.rules?.some(({ name }) => name === rule))
        .map((plugin) => [file, `${plugin.file} has no rule ${rule}`]),
    );
  });
}

/** All that is for the gateway selects the same pods. */
function workloads(documents) {
  const wanted = JSON.stringify(ofKind(documents, 'Gateway')[0]?.spec.selector);
  return documents.flatMap(({ file, object: { kind, spec, ...object } }) => {
    if (namespaceOf(object) !== 'istio-ingress') return [];
    const labels = { WasmPlugin: spec?.selector?.matchLabels, Telemetry: spec?.selector?.matchLabels }[kind];
    const selected = kind === 'EnvoyFilter' ? spec.workloadSelector?.labels : labels;
    const selects = ['WasmPlugin', 'Telemetry', 'EnvoyFilter'].includes(kind);
    if (!selects || JSON.stringify(selected) === wanted) return [];
    return [[file, `${kind} selects ${JSON.stringify(selected)}, and the Gateway ${wanted}`]];
  });
}

/** MeshConfig has no schema of a CRD: what stands in mesh.yaml is this and no more. */
function logs(documents) {
  const mesh = documents.find(({ file }) => file === 'mesh.yaml')?.object;
  if (!mesh) return [];
  const { meshConfig: { pathNormalization, extensionProviders = [], ...rest } = {}, ...others } = mesh;
  const lines = Object.keys({ ...rest, ...others }).map((name) => ['mesh.yaml', `${name} is not known here`]);
  if (pathNormalization?.normalization !== 'MERGE_SLASHES' || Object.keys(pathNormalization).length > 1) {
    lines.push(['mesh.yaml', 'meshConfig.pathNormalization.normalization has to be MERGE_SLASHES']);
  }
  for (const { name, envoyFileAccessLog: { path, logFormat } = {} } of extensionProviders) {
    if (!name || !path || !logFormat?.text) lines.push(['mesh.yaml', 'a provider needs name, path and logFormat.text']);
    if (/%REQ\((authorization|cookie|:path|referer)/i.test(logFormat?.text)) {
      lines.push(['mesh.yaml', 'the access log would have credentials']);
    }
  }
  const providers = extensionProviders.map(({ name }) => name);
  for (const { spec } of ofKind(documents, 'Telemetry')) {
    const named = spec.accessLogging.flatMap((logging) => logging.providers.map(({ name }) => name));
    const missing = named.filter((name) => !providers.includes(name));
    lines.push(...missing.map((name) => ['telemetry.yaml', `mesh.yaml has no provider ${name}`]));
  }
  return lines;
}

/** The file that Istio adds to the bootstrap is where it is looked for. */
function bootstraps(documents) {
  return documents.flatMap(({ file, object }) => {
    if (object.kind !== 'Deployment') return [];
    const { containers, volumes } = object.spec.template.spec;
    const [{ env, volumeMounts }] = containers;
    const path = env.find(({ name }) => name === 'ISTIO_BOOTSTRAP_OVERRIDE')?.value ?? '';
    const mount = volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
    const volume = volumes.find(({ name }) => name === mount?.name);
    const map = ofKind(documents, 'ConfigMap').find(({ metadata }) => metadata.name === volume?.configMap?.name);
    const text = map?.data[path.slice((mount?.mountPath.length ?? 0) + 1)];
    return text ? [] : [[file, `nothing is mounted at ${path}`]];
  });
}

/** Lists that the plain configuration has too: labels of metrics, and what the filter may call. */
function sameAsEnvoy(documents, envoy) {
  const [listener] = envoy.static_resources.listeners;
  const [{ typed_config: manager }] = listener.filter_chains[0].filters;
  const allowed = manager.http_filters[0].typed_config.config.capability_restriction_config;
  const added = ofKind(documents, 'EnvoyFilter').flatMap(({ spec }) => spec.configPatches);
  const plugin = added.find(({ applyTo }) => applyTo === 'EXTENSION_CONFIG').patch.value.typed_config.config;
  const [map] = ofKind(documents, 'ConfigMap');
  const tags = map && JSON.parse(map.data['custom_bootstrap.json']).stats_config.stats_tags;
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  return [
    ...(same(plugin.capability_restriction_config, allowed) ? [] : [['filter.yaml', 'not the list of envoy.yaml']]),
    ...(same(tags, envoy.stats_config.stats_tags) ? [] : [['stats.yaml', 'not the labels of envoy.yaml']]),
  ];
}
