import test from 'ava';
import { seededRandom } from '../../../../proto/process/random.ts';
import { hasExpired, isSecretOf, joinTokenOf, joinTokenSecret, newJoinTokenParts, parseJoinToken } from '../../../../proto/resources/join-token.ts';

const { id, secret } = newJoinTokenParts(seededRandom(1));
const expiresMs = Date.UTC(2030, 0, 1);
const stored = joinTokenSecret({ id, usages: ['server'], expiresMs, description: 'for the third' }, secret);

test('what is kept of a token says all about it but the token', (t) => {
  t.deepEqual(joinTokenOf(stored), { id, usages: ['server'], expiresMs, description: 'for the third' });
  t.true(isSecretOf(stored, secret));
  t.false(JSON.stringify(stored).includes(secret));
  t.false(JSON.stringify(stored).includes(Buffer.from(secret).toString('base64')));
});

test('another secret, none, and a Secret that is no token open nothing', (t) => {
  t.false(isSecretOf(stored, 'a'.repeat(16)));
  t.false(isSecretOf(undefined, secret));
  t.false(isSecretOf({ ...stored, data: { ...stored.data, 'token-secret-sha256': '' } }, ''));
  t.is(joinTokenOf(undefined), undefined);
  t.is(joinTokenOf({ ...stored, type: 'Opaque' }), undefined);
  t.is(joinTokenOf({ ...stored, metadata: { ...stored.metadata, name: 'bootstrap-token-zzzzzz' } }), undefined);
});

test('a token expires at its time, one whose time cannot be read has, and one without a time never', (t) => {
  const token = { id, usages: ['agent'] as const, expiresMs, description: '' };
  t.false(hasExpired(token, expiresMs - 1));
  t.true(hasExpired(token, expiresMs));
  const unreadable = joinTokenOf({ ...stored, data: { ...stored.data, expiration: Buffer.from('soon').toString('base64') } });
  t.true(unreadable !== undefined && hasExpired(unreadable, 1));
  t.false(hasExpired({ ...token, expiresMs: undefined }, expiresMs));
});

test('the text of a token has two parts, and the pin that its holder needs', (t) => {
  const pin = 'a'.repeat(64);
  t.deepEqual(parseJoinToken(` ${id}.${secret}.${pin}\n`), { id, secret, pin });
  t.deepEqual(parseJoinToken(`${id}.${secret}`), { id, secret, pin: undefined });
  for (const text of ['', id, `${id}.${secret}.${pin}0`, `${id}.${secret.toUpperCase()}`, `${id}${secret}`]) t.is(parseJoinToken(text), undefined, text);
});
