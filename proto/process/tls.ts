/**
 * The cluster's certificates: one authority, and what it issues to servers, nodes and people. ECDSA on P-256
 * throughout; the profile is RFC 5280's as Go's verifier reads it (names in SAN, key usages, key identifiers).
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, randomBytes, sign, verify, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { promisify } from 'node:util';
import { bits, boolean, context, der, derValues, integer, octets, oid, sequence, set, time, utf8 } from './der.ts';
import type { DerValue } from './der.ts';

export interface KeyedCertificate {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

export type Usage = 'server' | 'client';

export interface CertificateRequest extends Subject {
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly usages: readonly Usage[];
  /** From now; may be a fraction, or negative in tests of what has expired. */
  readonly days: number;
}

/** A signing request that cannot be read, or whose signature does not prove possession of its key. */
export class BadSigningRequest extends Error {
  override readonly name = 'BadSigningRequest';
}

const dayMs = 86_400_000;
/** Certificates are valid from a little before now, since clocks of machines differ. */
const clockSkewMs = 5 * 60_000;
/** Which part of a certificate's life is left when it is replaced: time for those who are away to come back. */
const renewalPart = 1 / 3;
const signatureAlgorithm = sequence(oid('1.2.840.10045.4.3.2'));
const usageOids: Readonly<Record<Usage, string>> = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };

const generateKeys = async (): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> =>
  promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });

const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${(bytes.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;

const keyPemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;
const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

const attribute = (type: string, value: string): Buffer => set(sequence(oid(type), utf8(value)));

const nameOf = ({ commonName, organizations = [] }: Subject): Buffer =>
  sequence(...organizations.map((organization) => attribute('2.5.4.10', organization)), attribute('2.5.4.3', commonName));

const extension = (type: string, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(type), ...(critical ? [boolean(true)] : []), octets(value));

/** RFC 7093, method 1. */
const keyIdentifier = (spki: Buffer): Buffer => createHash('sha256').update(spki).digest().subarray(0, 20);

const ipBytes = (address: string): Buffer => {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (!isIPv6(address)) throw new RangeError(`not an IP address: ${address}`);
  // The URL parser brings every spelling (zone-less, mixed) to groups of hexadecimal digits.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : []);
  const [first, last] = [groups(head), groups(tail)];
  const all = [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
};

const alternativeNames = ({ dnsNames = [], ipAddresses = [] }: CertificateRequest): Buffer[] => {
  if (dnsNames.length + ipAddresses.length === 0) return [];
  const names = [
    ...dnsNames.map((name) => der(0x82, Buffer.from(name, 'latin1'))),
    ...ipAddresses.map((address) => der(0x87, ipBytes(address))),
  ];
  return [extension('2.5.29.17', false, sequence(...names))];
};

interface Unsigned {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly days: number;
  readonly extensions: readonly Buffer[];
}

const signCertificate = ({ issuer, subject, spki, days, extensions }: Unsigned, key: KeyObject): string => {
  const nowMs = Date.now();
  const endMs = nowMs + days * dayMs;
  const body = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    signatureAlgorithm,
    issuer,
    sequence(time(Math.min(nowMs, endMs) - clockSkewMs), time(endMs)),
    subject,
    spki,
    context(3, sequence(...extensions)),
  );
  return pem('CERTIFICATE', sequence(body, signatureAlgorithm, bits(sign('sha256', body, key))));
};

/** The fields of a certificate's signed part from the serial number on. */
const certificateFields = (certificate: X509Certificate): DerValue[] => {
  const [outer] = derValues(certificate.raw);
  const [body] = derValues(outer?.content ?? Buffer.alloc(0));
  return derValues(body?.content ?? Buffer.alloc(0)).filter((value) => value.tag !== 0xa0);
};

const subjectOf = (certificate: X509Certificate): Buffer => {
  const subject = certificateFields(certificate)[4];
  if (subject === undefined) throw new RangeError('certificate without a subject');
  return subject.whole;
};

const issue = (authority: KeyedCertificate, spki: Buffer, request: CertificateRequest): string => {
  const issuer = new X509Certificate(authority.certPem);
  return signCertificate(
    {
      issuer: subjectOf(issuer),
      subject: nameOf(request),
      spki,
      days: request.days,
      extensions: [
        extension('2.5.29.19', true, sequence()),
        // digitalSignature.
        extension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)),
        extension('2.5.29.37', false, sequence(...request.usages.map((usage) => oid(usageOids[usage])))),
        extension('2.5.29.14', false, octets(keyIdentifier(spki))),
        extension('2.5.29.35', false, sequence(der(0x80, keyIdentifier(spkiOf(issuer.publicKey))))),
        ...alternativeNames(request),
      ],
    },
    createPrivateKey(authority.keyPem),
  );
};

/** A new self-signed authority. */
export const createAuthority = async ({ commonName, days }: { commonName: string; days: number }): Promise<KeyedCertificate> => {
  const keys = await generateKeys();
  const [name, spki] = [nameOf({ commonName }), spkiOf(keys.publicKey)];
  const extensions = [
    extension('2.5.29.19', true, sequence(boolean(true))),
    // digitalSignature, keyCertSign, cRLSign.
    extension('2.5.29.15', true, bits(Buffer.from([0x86]), 1)),
    extension('2.5.29.14', false, octets(keyIdentifier(spki))),
    extension('2.5.29.35', false, sequence(der(0x80, keyIdentifier(spki)))),
  ];
  return { certPem: signCertificate({ issuer: name, subject: name, spki, days, extensions }, keys.privateKey), keyPem: keyPemOf(keys.privateKey) };
};

/** A key and its certificate, in one step, for who holds the authority. Throws RangeError for a bad IP address. */
export const issueCertificate = async (authority: KeyedCertificate, request: CertificateRequest): Promise<KeyedCertificate> => {
  const keys = await generateKeys();
  return { certPem: issue(authority, spkiOf(keys.publicKey), request), keyPem: keyPemOf(keys.privateKey) };
};

const keysOf = (keyPem: string): { publicKey: KeyObject; privateKey: KeyObject } => ({ publicKey: createPublicKey(keyPem), privateKey: createPrivateKey(keyPem) });

/** A key that stays where it was made, a new one unless one is given, and the PKCS #10 request for its certificate. */
export const createSigningRequest = async (subject: Subject, keyPem?: string): Promise<{ csrPem: string; keyPem: string }> => {
  const keys = keyPem === undefined ? await generateKeys() : keysOf(keyPem);
  const body = sequence(integer(Buffer.from([0])), nameOf(subject), spkiOf(keys.publicKey), context(0));
  const signed = sequence(body, signatureAlgorithm, bits(sign('sha256', body, keys.privateKey)));
  return { csrPem: pem('CERTIFICATE REQUEST', signed), keyPem: keyPemOf(keys.privateKey) };
};

/** The request's public key, proven by its signature. */
const provenKey = (csrPem: string): Buffer => {
  const base64 = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([\sA-Za-z0-9+/=]+)-----END/.exec(csrPem)?.[1];
  if (base64 === undefined) throw new BadSigningRequest('not a PEM certificate request');
  let valid: boolean;
  let spki: Buffer | undefined;
  try {
    const [outer] = derValues(Buffer.from(base64, 'base64'));
    const [body, , signature] = derValues(outer?.content ?? Buffer.alloc(0));
    spki = derValues(body?.content ?? Buffer.alloc(0))[2]?.whole;
    if (body === undefined || signature === undefined || spki === undefined) throw new RangeError('fields are missing');
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new RangeError('the key is not ECDSA on P-256');
    valid = verify('sha256', body.whole, key, signature.content.subarray(1));
  } catch (error) {
    throw new BadSigningRequest('the certificate request cannot be read', { cause: error });
  }
  if (!valid) throw new BadSigningRequest('the certificate request is not signed by its own key');
  return spki;
};

/**
 * Certifies the request's key for `identity`: who the signer says it is, whatever the request says.
 * Throws BadSigningRequest.
 */
export const signRequest = async (authority: KeyedCertificate, csrPem: string, identity: CertificateRequest): Promise<string> =>
  issue(authority, provenKey(csrPem), identity);

const namesOf = (certificate: X509Certificate, kind: string): string[] =>
  (certificate.subjectAltName ?? '').split(', ').filter((name) => name.startsWith(`${kind}:`)).map((name) => name.slice(kind.length + 1));

const subjectFields = (certificate: X509Certificate, field: string): string[] =>
  certificate.subject.split('\n').filter((line) => line.startsWith(`${field}=`)).map((line) => line.slice(field.length + 1));

/** The same certificate (key, subject, names, usages) with another end. Throws RangeError where it is not of this authority. */
export const renewCertificate = (authority: KeyedCertificate, certPem: string, days: number): string => {
  const certificate = new X509Certificate(certPem);
  if (!certificate.verify(new X509Certificate(authority.certPem).publicKey)) throw new RangeError('the certificate is not of this authority');
  return issue(authority, spkiOf(certificate.publicKey), {
    commonName: subjectFields(certificate, 'CN')[0] ?? '',
    organizations: subjectFields(certificate, 'O'),
    dnsNames: namesOf(certificate, 'DNS'),
    ipAddresses: namesOf(certificate, 'IP Address'),
    usages: (Object.keys(usageOids) as Usage[]).filter((usage) => (certificate.keyUsage ?? []).includes(usageOids[usage])),
    days,
  });
};

/** When a certificate is due to be replaced, and when it ends. Throws when it cannot be read. */
export const renewalTimes = (certPem: string): { readonly dueMs: number; readonly endMs: number } => {
  const { validFrom, validTo } = new X509Certificate(certPem);
  const endMs = Date.parse(validTo);
  return { dueMs: endMs - Math.max(0, endMs - Date.parse(validFrom) - clockSkewMs) * renewalPart, endMs };
};

/** What a join token pins: SHA-256, in hex, of the certificate's public key (SubjectPublicKeyInfo). */
export const fingerprint = (certPem: string | Buffer): string =>
  createHash('sha256').update(spkiOf(new X509Certificate(certPem).publicKey)).digest('hex');
