/** ServiceAccounts: an identity, and the pull secrets that pods get from it. */
import type { ServiceAccount } from './kubernetes.ts';
import { subdomainName } from './names.ts';
import type { KindRules } from './strategy.ts';

export const serviceAccountRules: KindRules<ServiceAccount> = { name: subdomainName };
