/** How the local cluster's own commands talk to it: over loopback, with the certificate of its administrator. */
import { Client } from '../../proto/client.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { LocalCertificates } from './pki.ts';
import type { ClusterSettings } from './settings.ts';

export const apiUrl = (settings: ClusterSettings): string => `https://127.0.0.1:${settings.ports.api}`;

/** To be closed by whoever asked for it. */
export const openAdmin = (settings: ClusterSettings, { authority, admin }: LocalCertificates, clock: Clock): Client =>
  new Client({ server: apiUrl(settings), ca: authority, cert: admin.certPem, key: admin.keyPem }, clock);
