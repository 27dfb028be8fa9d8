// A real provider of identities (oidc-provider, certified by the OpenID Foundation) with a few accounts, for the tests.
//
//   node provider.js PORT PUBLIC_URL [userinfo]     PORT 0 takes a free one; with `userinfo`, groups are told there alone
//
// It says "ready ISSUER" when it answers. SIGUSR2 puts its clock an hour forward, and it says "later".
import { createServer } from 'node:http';
import { once } from 'node:events';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, publicUrl, where] = process.argv.slice(2);

// Who may log in, with any password. Groups are object ids, as Entra has them.
const accounts = {
  'forvaltningschef-uaf': { name: 'Förvaltningschef UAF', groups: ['5b0e3c1e-0000-4000-8000-000000000001'] },
  objektledare: { name: 'Objektledare e-möten', groups: ['5b0e3c1e-0000-4000-8000-000000000002'] },
  driftledare: { name: 'Driftledare', groups: ['5b0e3c1e-0000-4000-8000-000000000003'] },
  ekonom: { name: 'Ekonom', groups: ['5b0e3c1e-0000-4000-8000-000000000004', 'annat'] },
  revisor: { name: 'Revisor', groups: ['5b0e3c1e-0000-4000-8000-000000000005'] },
  administrator: { name: 'Administratör', groups: ['5b0e3c1e-0000-4000-8000-000000000006'] },
  utomstaende: { name: 'Utomstående', groups: ['annat'] },
};

const server = createServer();
server.listen(Number(port), '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'taxameter',
      // With what RFC 6749 §2.3.1 wants encoded.
      client_secret: 'hemlig+/%:ord',
      redirect_uris: [`${publicUrl}/login/callback`],
      post_logout_redirect_uris: [`${publicUrl}/logout`],
    },
  ],
  jwks: { keys: [key] },
  cookies: { keys: [randomUUID()] },
  claims: { openid: ['sub'], profile: ['name'], groups: ['groups'] },
  // Claims stand in the ID token only where this is off.
  conformIdTokenClaims: where === 'userinfo',
  pkce: { required: () => true },
  findAccount: (_, id) =>
    accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
});
server.on('request', provider.callback());

const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead;
process.on('SIGUSR2', () => {
  ahead += 3_600_000;
  console.log('later');
});
console.log(`ready ${issuer}`);
