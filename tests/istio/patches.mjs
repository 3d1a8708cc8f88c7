// EnvoyFilters on a configuration, those kinds of patch that are used here.

/** Changes the configuration in place; gives back the extensions that were added. */
export function apply(filters, envoy, context) {
  const extensions = [];
  // Whole lists of patches go one after the other; istiod adds extensions before it looks at listeners.
  const patches = filters.flatMap(({ spec }) => spec.configPatches).filter((patch) => inContext(patch, context));
  for (const patch of patches) {
    const operation = `${patch.applyTo} ${patch.patch.operation}`;
    const known = OPERATIONS[operation];
    if (!known) throw new Error(`EnvoyFilter: ${operation} is not known here`);
    if (known({ ...patch, value: structuredClone(patch.patch.value) }, envoy, extensions) === 0) {
      throw new Error(`EnvoyFilter: ${operation} of ${JSON.stringify(patch.match)} finds nothing`);
    }
  }
  return extensions;
}

const inContext = ({ match }, context) => [undefined, 'ANY', context].includes(match?.context);

const OPERATIONS = {
  'EXTENSION_CONFIG ADD': ({ value }, envoy, extensions) => extensions.push(value),
  'HTTP_FILTER INSERT_FIRST': (patch, envoy) =>
    each(managers(envoy, patch.match), (manager) => manager.typed_config.http_filters.unshift(patch.value)),
  'NETWORK_FILTER MERGE': (patch, envoy) =>
    each(managers(envoy, patch.match), (manager) => merge(manager, patch.value)),
  'HTTP_ROUTE MERGE': (patch, envoy) =>
    each(routesCalled(envoy, patch.match.routeConfiguration.vhost.route.name), (route) => merge(route, patch.value)),
};

function each(found, change) {
  found.forEach(change);
  return found.length;
}

function managers(envoy, match) {
  const name = match.listener.filterChain.filter.name;
  const chains = envoy.static_resources.listeners.flatMap((listener) => listener.filter_chains);
  return chains.flatMap(({ filters }) => filters).filter((filter) => filter.name === name);
}

function routesCalled(envoy, name) {
  const all = managers(envoy, {
    listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } },
  });
  const hosts = all.flatMap((manager) => manager.typed_config.route_config.virtual_hosts);
  return hosts.flatMap(({ routes }) => routes).filter((route) => route.name === name);
}

/** As protobuf merges: messages field by field, lists one after the other. */
export function merge(into, from) {
  for (const [name, value] of Object.entries(from)) {
    const old = into[name];
    if (Array.isArray(old) && Array.isArray(value)) old.push(...value);
    else if (old && typeof old === 'object' && value && typeof value === 'object') merge(old, value);
    else into[name] = value;
  }
  return into;
}
