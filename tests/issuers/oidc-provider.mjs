// An OpenID Connect issuer made of oidc-provider, for the tests: `node oidc-provider.mjs FOLDER`, where FOLDER is what
// tests/fetch-issuers printed. It listens on a port that is free, or on $PORT, prints one line of JSON when it does,
// and ends with its standard input.
//
// Logging in asks nobody: who `login_hint` names is logged in, `login_age` seconds ago, by the first of `acr_values`.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(resolve(process.argv[2]), 'package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const ALGORITHMS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
const key = ([alg, [kind, options]]) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
  kid: alg.toLowerCase(),
  use: 'sig',
  alg,
});

// What is asked for at `urn:api:ALG` is signed by ALG; all of it is for the one audience.
const AUDIENCE = 'https://api.test';
const SCOPES = 'read:tap write:tap exec:notebook';
const resource = (name) => {
  const alg = name === AUDIENCE ? 'RS256' : name.replace('urn:api:', '');
  if (!(alg in ALGORITHMS)) throw new Error(`no such resource: ${name}`);
  return { audience: AUDIENCE, scope: SCOPES, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg } } };
};

const PEOPLE = {
  alice: { email: 'alice@example.org', uidNumber: 1000, groups: ['lsst'], roles: ['observer'], entitlements: ['night'] },
  bob: { email: 'bob@example.org' },
};

const CALLBACK = 'http://127.0.0.1/callback';
const web = (id) => ({
  client_id: id,
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [CALLBACK],
});
const robot = (id) => ({
  client_id: id,
  client_secret: `secret of ${id}`,
  token_endpoint_auth_method: 'client_secret_post',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
});

const configuration = {
  jwks: { keys: Object.entries(ALGORITHMS).map(key) },
  clients: [web('portal'), web('terminal'), robot('poller'), robot('other-robot')],
  acrValues: ['urn:test:password', 'urn:test:two-factors'],
  extraParams: ['login_age'],
  cookies: { keys: ['of no worth'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_, name) => resource(name),
    },
  },
  findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
  // RFC 9068 §2.2.1 and §2.2.3: what a login was, and who somebody is, where the token is a person's.
  extraTokenClaims: ({ oidc }, token) => {
    if (token.kind !== 'AccessToken') return undefined;
    const { authTime, acr } = oidc.entities.AuthorizationCode ?? oidc.entities.RefreshToken;
    return { auth_time: authTime, ...(acr && { acr }), ...PEOPLE[token.accountId] };
  },
  issueRefreshToken: () => true,
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // Everybody agrees to everything.
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid offline_access');
    for (const name of Object.keys(oidc.resourceServers)) grant.addResourceScope(name, SCOPES);
    await grant.save();
    return grant;
  },
  ttl: { AccessToken: 600, ClientCredentials: 600, IdToken: 600, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600 },
};

const server = createServer();
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  provider.on('server_error', (_, error) => console.error(error));
  const serve = provider.callback();
  const login = async (request, response) => {
    const { params } = await provider.interactionDetails(request, response);
    const ts = Math.floor(Date.now() / 1000) - Number(params.login_age ?? 0);
    const acr = params.acr_values?.split(' ')[0] ?? 'urn:test:password';
    await provider.interactionFinished(request, response, { login: { accountId: params.login_hint, ts, acr } });
  };
  server.on('request', (request, response) => {
    if (!request.url.startsWith('/interaction/')) return serve(request, response);
    return login(request, response).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
  console.log(JSON.stringify({ issuer, audience: AUDIENCE, callback: CALLBACK }));
});
process.stdin.resume().on('end', () => process.exit());
