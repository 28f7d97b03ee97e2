/**
 * Keeps a certificate on disk from running out: it is issued anew, for the same key, before its end, by who has its
 * authority's key; and whoever has replaced the file (this controller, another one, a person), it is noticed.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Clock, timestamp } from '../proto/process/clock.ts';
import type { Log } from '../proto/process/log.ts';
import { renewalTimes, renewCertificate } from '../proto/process/tls.ts';
import { certificateCheckMsMax, certificateCheckMsMin } from './limits.ts';

export interface CertificateFiles {
  readonly certificate: string;
  readonly authorityCertificate: string;
  /** Without it somebody else replaces the certificate. */
  readonly authorityKey?: string | undefined;
}

export interface CertificateKeeperOptions {
  readonly files: CertificateFiles;
  readonly lifetimeSeconds: number;
  /** There is another certificate in the file. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

const secondsPerDay = 86_400;

export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  #known: string;

  /** Replaces the certificate at once where it is due: after a long time off it may have run out. */
  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
    this.#known = this.#renewed(readFileSync(options.files.certificate, 'utf8'));
  }

  /** Until aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(this.#look(), signal).catch(() => undefined);
    }
  }

  /** Returns how long to wait before the next look. */
  #look(): number {
    const { files, clock, log, onChange } = this.#options;
    try {
      const present = this.#renewed(readFileSync(files.certificate, 'utf8'));
      const { dueMs, endMs } = renewalTimes(present);
      if (present !== this.#known) {
        // Where its key has not been replaced yet this throws, and is done at the next look.
        onChange();
        this.#known = present;
        log.info('certificate replaced', { file: files.certificate, until: timestamp(endMs) });
      }
      return Math.min(Math.max(dueMs - clock.nowMs(), certificateCheckMsMin), certificateCheckMsMax);
    } catch (error) {
      log.warn('certificate not replaced', { file: files.certificate, error });
      return certificateCheckMsMax;
    }
  }

  /** The key stays, so that the two files fit together at every instant, also where controllers share them. */
  #renewed(certPem: string): string {
    const { files: { certificate, authorityCertificate, authorityKey }, lifetimeSeconds, clock } = this.#options;
    if (authorityKey === undefined || clock.nowMs() < renewalTimes(certPem).dueMs) return certPem;
    const authority = { certPem: readFileSync(authorityCertificate, 'utf8'), keyPem: readFileSync(authorityKey, 'utf8') };
    const renewed = renewCertificate(authority, certPem, lifetimeSeconds / secondsPerDay);
    const next = `${certificate}.${process.pid}.new`;
    writeFileSync(next, renewed, { mode: 0o600, flush: true });
    renameSync(next, certificate);
    return renewed;
  }
}
