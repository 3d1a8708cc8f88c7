// What istiod and its agent make of manifests: the configuration of one Envoy, as far as these manifests decide about it.
// Written after Istio 1.29: pilot/pkg/model/extensions.go (plugins), networking/core/cluster*.go (clusters),
// networking/core/route (routes), networking/core/listener_builder.go (the connection manager), pkg/wasm (the agent).
// What it does not know it refuses, so that nothing goes unseen.
import { namespaceOf, ofKind } from './manifests.mjs';
import { apply } from './patches.mjs';

export const type = (name) => `type.googleapis.com/${name}`;
export const WASM = type('envoy.extensions.filters.http.wasm.v3.Wasm');
const MANAGER = type('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager');
const POLICIES = { FAIL_CLOSE: 'FAIL_CLOSED', FAIL_OPEN: 'FAIL_OPEN', FAIL_RELOAD: 'FAIL_RELOAD' };

/** What istiod makes of a WasmPlugin. */
export function plugin(object) {
  const { spec } = object;
  const environment = { key_values: { ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: '1' } };
  if (spec.imagePullPolicy) environment.key_values.ISTIO_META_WASM_IMAGE_PULL_POLICY = spec.imagePullPolicy;
  for (const { name, value = '', valueFrom = 'INLINE' } of spec.vmConfig?.env ?? []) {
    if (valueFrom === 'INLINE') environment.key_values[name] = value;
    else (environment.host_env_keys ??= []).push(name);
  }
  return {
    name: `${namespaceOf(object)}.${object.metadata.name}`,
    root_id: spec.pluginName ?? '',
    failure_policy: POLICIES[spec.failStrategy ?? 'FAIL_CLOSE'],
    configuration: { '@type': type('google.protobuf.StringValue'), value: JSON.stringify(spec.pluginConfig ?? {}) },
    vm_config: {
      runtime: 'envoy.wasm.runtime.v8',
      code: { remote: { http_uri: { uri: spec.url, timeout: '30s', cluster: '_' }, sha256: spec.sha256 ?? '' } },
      environment_variables: environment,
    },
  };
}

/** What the agent makes of a plugin before Envoy gets it: the image is a file, and what was said to the agent is gone. */
export function fetched(config, module) {
  const { key_values: values = {}, host_env_keys: host = [] } = config.vm_config.environment_variables ?? {};
  const kept = Object.entries(values).filter(([name]) => !name.startsWith('ISTIO_META_'));
  const vm = { ...config.vm_config, code: { local: { filename: module } } };
  delete vm.environment_variables;
  if (kept.length > 0 || host.length > 0) {
    vm.environment_variables = { host_env_keys: host, key_values: Object.fromEntries(kept) };
  }
  return { ...config, vm_config: vm };
}

/** The TLS settings that a DestinationRule of this namespace has for a port of a host. */
export function tlsOf(documents, namespace, host, port) {
  const rules = ofKind(documents, 'DestinationRule');
  const policy = rules.find((rule) => namespaceOf(rule) === namespace && rule.spec.host === host)?.spec.trafficPolicy;
  const ofPort = policy?.portLevelSettings?.find((settings) => settings.port?.number === port);
  // Settings of a port take the place of the whole policy, and are not merged with it.
  return (ofPort ?? policy)?.tls;
}

/** The clusters of the ServiceEntries in this namespace. `at` has other addresses for some hosts. */
export function clusters(documents, namespace, { at = {}, authorities }) {
  const entries = ofKind(documents, 'ServiceEntry').filter((entry) => namespaceOf(entry) === namespace);
  return entries.flatMap(({ spec }) =>
    spec.hosts.flatMap((host) =>
      spec.ports.map((port) => {
        if (spec.endpoints) throw new Error(`ServiceEntry ${host}: endpoints are not known here`);
        const kind = { DNS: 'STRICT_DNS', DNS_ROUND_ROBIN: 'LOGICAL_DNS' }[spec.resolution];
        if (!kind) throw new Error(`ServiceEntry ${host}: resolution ${spec.resolution} is not known here`);
        const [address, number] = at[host] ?? [host, port.targetPort ?? port.number];
        const made = cluster(`outbound|${port.number}||${host}`, kind, address, number);
        const tls = tlsOf(documents, namespace, host, port.number);
        if (tls) made.transport_socket = socket(tls, authorities);
        return made;
      }),
    ),
  );
}

export function cluster(name, kind, address, port) {
  const endpoint = { address: { socket_address: { address, port_value: port } } };
  return {
    name,
    type: kind,
    connect_timeout: '10s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}

function socket(tls, authorities) {
  if (tls.mode !== 'SIMPLE') throw new Error(`DestinationRule: TLS mode ${tls.mode} is not known here`);
  // The agent serves the machine's authorities under this name; a file of the same form does here.
  const sds = { name: 'file-root:system', sds_config: { path_config_source: { path: authorities } } };
  const names = (tls.subjectAltNames ?? []).map((exact) => ({ san_type: 'DNS', matcher: { exact } }));
  const context = {
    sni: tls.sni,
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
      combined_validation_context: {
        default_validation_context: { match_typed_subject_alt_names: names },
        validation_context_sds_secret_config: sds,
      },
    },
  };
  const of = type('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext');
  return { name: 'envoy.transport_sockets.tls', typed_config: { '@type': of, ...context } };
}

/** The routes of a VirtualService, and the names of the clusters that they lead to. */
export function routes(object) {
  return object.spec.http.flatMap((http) =>
    (http.match ?? [undefined]).map((match) => {
      const [{ destination }] = http.route;
      const name = [http.name ?? '', ...(match?.name ? [match.name] : [])].join('.');
      const to = `outbound|${destination.port.number}||${destination.host}`;
      return { name, match: condition(match), route: { cluster: to, timeout: '0s' } };
    }),
  );
}

function condition(match) {
  if (!match) return { prefix: '/' };
  const others = Object.keys(match).filter((field) => !['uri', 'name'].includes(field));
  if (others.length > 0) throw new Error(`VirtualService: match by ${others} is not known here`);
  return match.uri.exact ? { path: match.uri.exact } : { prefix: match.uri.prefix };
}

/** A connection manager with these routes and filters before the router, by MeshConfig. */
export function manager(mesh, virtualHosts, filters, { edge, log }) {
  const normalization = mesh.pathNormalization?.normalization ?? 'BASE';
  const merges = ['MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'].includes(normalization);
  const router = { '@type': type('envoy.extensions.filters.http.router.v3.Router') };
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': MANAGER,
      stat_prefix: 'ingress',
      codec_type: 'AUTO',
      normalize_path: normalization !== 'NONE',
      merge_slashes: merges,
      path_with_escaped_slashes_action:
        normalization === 'DECODE_AND_MERGE_SLASHES' ? 'UNESCAPE_AND_FORWARD' : 'KEEP_UNCHANGED',
      use_remote_address: edge,
      stream_idle_timeout: '0s',
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      route_config: { ignore_port_in_host_matching: edge, virtual_hosts: virtualHosts },
      access_log: log ? [log] : [],
      http_filters: [...filters, { name: 'envoy.filters.http.router', typed_config: router }],
    },
  };
}

export const httpFilter = (config) => ({ name: config.name, typed_config: { '@type': WASM, config } });

/** The whole bootstrap, patched as the EnvoyFilters among the documents say. */
export function bootstrap(documents, listeners, clusterList, { context, module }) {
  const envoy = {
    node: { id: 'sidecar~127.0.0.1~pod.namespace~namespace.svc.cluster.local', cluster: 'pod.namespace' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    static_resources: { listeners, clusters: clusterList },
  };
  const extensions = apply(ofKind(documents, 'EnvoyFilter'), envoy, context);
  for (const { filter_chains: [{ filters: [chain] }] } of listeners) {
    const { http_filters: filters } = chain.typed_config;
    filters.forEach((filter, index) => {
      if (!filter.config_discovery) return;
      const extension = extensions.find(({ name }) => name === filter.name);
      if (!extension) throw new Error(`no extension ${filter.name}`);
      const { config } = extension.typed_config;
      filters[index] = { name: filter.name, typed_config: { '@type': WASM, config: fetched(config, module) } };
    });
  }
  return envoy;
}
