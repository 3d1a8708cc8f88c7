// The Envoys that the manifests of istio/ are for: the gateway with the filter from a WasmPlugin, without and with metadata of
// routes, the gateway with the filter from an EnvoyFilter, and the sidecar.
import { bootstrap, cluster, clusters, fetched, httpFilter, manager, plugin, routes, type } from './istiod.mjs';
import { namespaceOf, ofKind } from './manifests.mjs';
import { merge } from './patches.mjs';

/** Which namespace each one is in, which files there are not for it, and which one it is there for. */
export const PROXIES = {
  gateway: { brings: 'gateway.yaml', namespace: 'istio-ingress', but: ['filter.yaml', 'route-metadata.yaml'] },
  metadata: { brings: 'route-metadata.yaml', namespace: 'istio-ingress', but: ['filter.yaml'] },
  filter: { brings: 'filter.yaml', namespace: 'istio-ingress', but: ['gateway.yaml'] },
  sidecar: { brings: 'sidecar.yaml', namespace: 'science', but: [] },
};

/**
 * The bootstrap of one of them. `place` says what differs here from a cluster: `module`, the filter's file; `authorities`, a
 * file of SDS; `at`, addresses of issuers by host; `service`, the address of every service; `log`, a file.
 */
export function envoyOf(name, documents, place) {
  const { namespace, but } = PROXIES[name];
  const here = documents.filter(({ file, object }) => !but.includes(file) && namespaceOf(object) === namespace);
  const mesh = documents.find(({ file }) => file === 'mesh.yaml')?.object.meshConfig ?? {};
  return name === 'sidecar' ? sidecar(here, mesh, place) : gateway(here, mesh, place);
}

function gateway(documents, mesh, place) {
  const [virtualService] = ofKind(documents, 'VirtualService');
  const [host] = virtualService.spec.hosts;
  const own = routes(virtualService);
  const virtualHost = { name: `${host}:443`, domains: [host], routes: own };
  const made = manager(mesh, [virtualHost], plugins(documents, place), { edge: true, log: log(documents, mesh, place) });
  const behind = [...new Set(own.map((route) => route.route.cluster))].map((to) => service(to, place));
  return build(documents, made, behind, place, 'GATEWAY');
}

function sidecar(documents, mesh, place) {
  const own = [{ name: 'default', match: { prefix: '/' }, route: { cluster: 'inbound|8080||', timeout: '0s' } }];
  const virtualHost = { name: 'inbound|http|80', domains: ['*'], routes: own };
  const made = manager(mesh, [virtualHost], plugins(documents, place), { edge: false });
  return build(documents, made, [service('inbound|8080||', place)], place, 'SIDECAR_INBOUND');
}

function build(documents, made, behind, place, context) {
  const address = { socket_address: { address: '127.0.0.1', port_value: 0 } };
  const listener = { name: 'ingress', address, filter_chains: [{ filters: [made] }] };
  const [namespace] = documents.map(({ object }) => namespaceOf(object));
  const out = [...clusters(documents, namespace, place), ...behind];
  const envoy = bootstrap(documents, [listener], out, { context, module: place.module });
  return place.withOverride ? merge(envoy, override(documents)) : envoy;
}

const plugins = (documents, { module }) =>
  ofKind(documents, 'WasmPlugin').map((object) => httpFilter(fetched(plugin(object), module)));

const service = (name, { service: [address, port] = ['127.0.0.1', 9] }) => cluster(name, 'STATIC', address, port);

/** What is added to the bootstrap, of the ConfigMap that the gateway mounts. */
export function override(documents) {
  const [map] = ofKind(documents, 'ConfigMap');
  return JSON.parse(map?.data['custom_bootstrap.json'] ?? '{}');
}

/** The log that a Telemetry of the namespace names. */
function log(documents, mesh, place) {
  const [telemetry] = ofKind(documents, 'Telemetry');
  const name = telemetry?.spec.accessLogging[0].providers[0].name;
  const provider = mesh.extensionProviders?.find((provider) => provider.name === name)?.envoyFileAccessLog;
  if (!provider) return undefined;
  const format = { text_format_source: { inline_string: provider.logFormat.text } };
  return {
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': type('envoy.extensions.access_loggers.file.v3.FileAccessLog'),
      path: place.log ?? provider.path,
      log_format: format,
    },
  };
}
