/** Keys and certificates in a folder that is root's alone: `NAME.key` and `NAME.crt`. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyedCertificate } from '../proto/process/tls.ts';

export const makePrivateFolder = (dir: string): void => {
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o700);
};

/** Whole or not at all; its owner's alone. */
export const writeWhole = (file: string, text: string): void => {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
};

/** The pair of that name, made when it is not there. */
export const ensureKeyed = async (dir: string, name: string, make: () => Promise<KeyedCertificate>): Promise<KeyedCertificate> => {
  const certFile = join(dir, `${name}.crt`);
  const keyFile = join(dir, `${name}.key`);
  // The certificate is written last: a pair is whole when it is there.
  if (existsSync(certFile)) return { certPem: readFileSync(certFile, 'utf8'), keyPem: readFileSync(keyFile, 'utf8') };
  const pair = await make();
  writeWhole(keyFile, pair.keyPem);
  writeWhole(certFile, pair.certPem);
  return pair;
};
